package uplinkbench

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

// print writes to standard output, which the testing package leaves alone.
func (t *table) print() {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	line := func(row []string, filler string) string {
		var b strings.Builder
		for i, width := range widths {
			cell := ""
			if row != nil {
				cell = row[i]
			}
			b.WriteString("|" + filler + cell + strings.Repeat(filler, width-utf8.RuneCountInString(cell)+1))
		}
		return b.String() + "|\n"
	}
	text := "\n" + t.title + "\n\n" + line(t.rows[0], " ") + line(nil, "-")
	for _, row := range t.rows[1:] {
		text += line(row, " ")
	}
	os.Stdout.WriteString(text)
}

// figure is one number of a run.
type figure func(outcome) float64

func each(runs []outcome, f figure) []float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = f(r)
	}
	return values
}

// median is the middle one, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is the median over the turns of a's figure divided by b's.
func ratio(a, b []outcome, f figure) float64 {
	values := each(a, f)
	for i, v := range each(b, f) {
		values[i] /= v
	}
	return median(values)
}

// spread is the median, with the least and the most.
func spread(format string, values []float64) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(values), slices.Min(values), slices.Max(values))
}
