package appliance

import (
	"fmt"

	"network-sniffer/uplink/spool"
)

// booksAnswer is for the command books: what was received against what became of it, all of one moment. The books are
// those of sealed segments, at most a second old.
type booksAnswer struct {
	Interfaces []figures `json:"interfaces"`
	Balanced   bool      `json:"balanced"` // every interface's are, and no row is missing
	Rows       wayOfRows `json:"rows"`

	report Report
}

// wayOfRows is what became of the rows after they were sealed:
//
//	row_count + before = stored + known + backlog + losses + under_way
type wayOfRows struct {
	Rows    uint64            `json:"row_count"`                   // of this run
	Before  *uint64           `json:"before_row_count,omitempty"`  // found in the spool at the start; absent: not known
	Stored  uint64            `json:"stored_row_count"`            // by this run
	Known   uint64            `json:"known_row_count"`             // the database turned out to have them already
	Backlog *uint64           `json:"backlog_row_count,omitempty"` // in the spool; absent: not known
	Losses  map[string]uint64 `json:"losses"`                      // in the spool, by reason
	// UnderWay is what the others do not tell: rows that are just being stored, and those of a second tier that went;
	// negative when it came. Absent: not known.
	UnderWay *int64 `json:"under_way,omitempty"`
	// Note says why something is not known.
	Note string `json:"note,omitempty"`
}

// spoolBefore is what the spool held when it was opened.
type spoolBefore struct {
	rows  uint64
	known bool
}

// countBefore counts the rows that the spool begins with, those included that opening it gave up.
func (a *Appliance) countBefore() {
	var rows uint64
	err := within(backlogPatience, func() error {
		w := lookAt(a.spool)
		rows = w.rows + Report{Spool: a.spool.Stats()}.lostInSpool()
		return w.err
	})
	if err != nil {
		a.log.Warn("the rows that the spool begins with are not known: books at the console cannot be closed", "error", err)
		return
	}
	a.before = spoolBefore{rows, true}
}

func (a *Appliance) books() answer {
	w := a.backlogNow()
	if w.err != nil {
		w.report = a.report()
	}
	return booksOf(a.before, w)
}

func booksOf(before spoolBefore, w waiting) booksAnswer {
	r := w.report
	b := booksAnswer{Interfaces: r.figures(), report: r, Rows: wayOfRows{Rows: r.rows(), Losses: r.spoolLosses()}}
	rows := &b.Rows
	if r.Uplink != nil {
		rows.Stored, rows.Known = r.Uplink.Rows, r.Uplink.KnownRows
	}
	if before.known {
		rows.Before = &before.rows
	} else {
		rows.Note = "what the spool began with is not known"
	}
	if w.err == nil {
		rows.Backlog = &w.rows
	} else {
		rows.Note = "what waits in the spool is not known: " + w.err.Error()
	}
	if rows.Note == "" {
		rest := int64(rows.Rows+before.rows) - int64(r.stored()+w.rows+r.lostInSpool())
		rows.UnderWay = &rest
	}
	b.Balanced = rows.UnderWay != nil && *rows.UnderWay == 0
	for i := range b.Interfaces {
		b.Balanced = b.Balanced && b.Interfaces[i].Balance == 0
	}
	return b
}

func (b booksAnswer) appendText(dst []byte, _ int) []byte {
	var all spool.Coverage
	wrong := 0
	for i := range b.report.Interfaces {
		c := &b.report.Interfaces[i]
		dst = appendBooks(dst, c)
		all.Add(c)
		if Balance(c) != 0 {
			wrong++
		}
	}
	if len(b.report.Interfaces) > 1 {
		all.Interface = "all"
		dst = appendBooks(dst, &all)
	}
	dst = b.Rows.appendText(dst)
	switch {
	case wrong > 0:
		return append(dst, "THE BOOKS DO NOT BALANCE: see above, and please tell the makers\n"...)
	case b.Balanced:
		return append(dst, "the books balance: every packet is a row or a loss with a name, "+
			"every row is stored, waiting or counted\n"...)
	case b.Rows.UnderWay == nil:
		return fmt.Appendf(dst, "every packet is a row or a loss with a name; %s\n", oneLine(b.Rows.Note))
	}
	return append(dst, "every packet is a row or a loss with a name; rows are under way: ask again\n"...)
}

// appendText writes the rows' line: on the left what there is, on the right where it went.
func (r wayOfRows) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "rows: %d of this run + %s from before = %d in the database + %s in the spool",
		r.Rows, number(r.Before), r.Stored+r.Known, number(r.Backlog))
	for _, reason := range []string{spool.LossFull, spool.LossDiscarded, spool.LossBroken} {
		if n := r.Losses[reason]; n > 0 {
			b = fmt.Appendf(b, " + %s %d", reason, n)
		}
	}
	if r.UnderWay != nil && *r.UnderWay != 0 {
		b = fmt.Appendf(b, " + under way %d", *r.UnderWay)
	}
	return append(b, '\n')
}

// number writes one that may not be known.
func number(n *uint64) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}
