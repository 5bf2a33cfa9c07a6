package top

import (
	"fmt"
	"strconv"
)

// human writes a count or a rate in five characters at most: three digits, and k, M, G, T, P or E for powers of 1000.
func human(v float64) string {
	if v < 999.5 {
		if v > 0 && v < 9.95 && v != float64(int(v)) {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	unit := 0
	for v >= 999.5 && unit < len(" kMGTPE")-1 {
		v /= 1000
		unit++
	}
	digits := 0
	switch {
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " kMGTPE"[unit:unit+1]
}

// percent writes part of whole in six characters at most.
func percent(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}
