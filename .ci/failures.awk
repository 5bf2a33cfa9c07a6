# Of the output of go test -v: what each failed test printed, and what a package printed that ended without saying
# which test failed (a panic, a time limit). The last 80 lines of each.
function keep(name) {
    lines[name, count[name]++ % 80] = $0
}
function show(name,    i, first) {
    first = count[name] > 80 ? count[name] - 80 : 0
    for (i = first; i < count[name]; i++)
        print lines[name, i % 80]
    count[name] = 0
}
/^=== (RUN|CONT|NAME)/ { name = $3; next }
/^=== PAUSE/ { next }
/^ *--- FAIL/ { show($3); print; failed = 1; next }
/^ *--- (PASS|SKIP)/ { count[$3] = 0; next }
/^(panic:|fatal error:|SIG[A-Z]+:)/ { panicked = 1 }
/^(ok|FAIL|---)[ \t]/ {
    if (panicked || ($1 == "FAIL" && !failed))
        show(name)
    if ($1 == "FAIL")
        print
    name = ""
    count[name] = panicked = failed = 0
    next
}
{ keep(name) }
