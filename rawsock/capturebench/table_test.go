package capturebench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is printed as the README wants it.
type table struct {
	title string
	rows  [][]string // the first one is the header
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table to standard output; the testing package has no way to write a line without its own marks.
func (t *table) print() {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", t.title)
	for n, row := range t.rows {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				b.WriteString("|" + strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
	os.Stdout.WriteString(b.String())
}

// median is the middle one, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianOf is the median of one figure of several runs.
func medianOf(runs []outcome, figure func(outcome) float64) float64 {
	return median(each(runs, figure))
}

func each(runs []outcome, figure func(outcome) float64) []float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = figure(r)
	}
	return values
}

// ratio is the median over the pairs of a's figure divided by b's.
func ratio(a, b []outcome, figure func(outcome) float64) float64 {
	values := each(a, figure)
	for i, v := range each(b, figure) {
		values[i] /= v
	}
	return median(values)
}

// nanoseconds with three figures, as far as a clock can tell.
func nanoseconds(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f ns", v)
	}
	return fmt.Sprintf("%.0f ns", v)
}

func percent(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }
