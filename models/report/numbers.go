package report

import (
	"fmt"
	"strconv"
	"strings"
)

// unknown stands for what was not measured or is not set.
const unknown = "-"

// percent writes a share.
func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// shared writes a share without its unit, which stands over the column.
func shared(share float64) string { return fmt.Sprintf("%.2f", 100*share) }

// comma groups the digits of a count.
func comma(n int64) string {
	if n == 0 {
		return unknown
	}
	return grouped(n)
}

func grouped(n int64) string {
	digits, sign := strconv.FormatInt(n, 10), ""
	if n < 0 {
		digits, sign = digits[1:], "-"
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// rounded writes a mean of counts.
func rounded(x float64) string { return grouped(int64(x + 0.5)) }

// times writes a ratio.
func times(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0fx", x)
	}
	return fmt.Sprintf("%.2fx", x)
}

// seconds writes a time with three digits.
func seconds(s float64) string {
	name, scale := unitOfTime(s)
	return strconv.FormatFloat(s*scale, 'g', 3, 64) + " " + name
}

// unitOfTime is the largest unit that a time has one of.
func unitOfTime(s float64) (name string, scale float64) {
	switch {
	case s >= 1:
		return "s", 1
	case s >= 1e-3:
		return "ms", 1e3
	case s >= 1e-6:
		return "µs", 1e6
	}
	return "ns", 1e9
}

// seconds writes times in the unit of their mean.
func (s spread) seconds() string {
	name, scale := unitOfTime(s.mean)
	text := s.write(func(x float64) string { return strconv.FormatFloat(x*scale, 'g', 3, 64) })
	if s.n > 0 {
		text += " " + name
	}
	return text
}

// objective writes a value by what it is of.
func objective(name string, v float64) string {
	switch name {
	case "accuracy", "sparsity":
		return percent(v)
	case "loss":
		return fmt.Sprintf("%.4f", v)
	case "latency":
		return seconds(v)
	}
	return rounded(v)
}

// worded is an objective in words.
func worded(name string) string {
	switch name {
	case "effective_macs":
		return "multiply-adds by weights that are not 0"
	case "nonzero_weights":
		return "weights that are not 0"
	case "bytes":
		return "bytes in the smallest form counted"
	case "latency":
		return "time for one sample"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// plural is "1 seed", "2 seeds".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return grouped(int64(n)) + " " + word + "s"
}
