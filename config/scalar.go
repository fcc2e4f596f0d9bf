package config

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar reads a single value. The text counts as it is written, whatever type
// YAML would give it: "5e-4", "92%" and a name such as 12 all need no quotes.
func (d *decoder) scalar(path string, n *yaml.Node, at place, f field, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *string:
		*target = d.text(path, n, at, f)
	case *bool:
		*target = d.truth(path, n, at, f)
	case *int:
		*target = d.whole(path, n, at, f)
	case *uint64:
		*target = d.seed(path, n, at, f)
	case *float64:
		*target = d.number(path, n, at, f)
	case *Duration:
		*target = d.duration(path, n, at, f)
	}
}

func (d *decoder) text(path string, n *yaml.Node, at place, f field) string {
	switch {
	case f.words != nil && !slices.Contains(f.words, n.Value):
		d.fault(path, at, "%s is not known; %s", shown(n), suggestion(n.Value, f.words))
	case f.pattern != "" && !regexp.MustCompile(`^(?:`+f.pattern+`)$`).MatchString(n.Value):
		d.fault(path, at, "%s does not match %s", shown(n), f.pattern)
	case n.Value == "":
		d.fault(path, at, `"" is empty; want %s`, f.allowed())
	}
	return n.Value
}

func (d *decoder) truth(path string, n *yaml.Node, at place, f field) bool {
	switch n.Value {
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	d.fault(path, at, "%s is not %s", shown(n), f.kind())
	return false
}

func (d *decoder) whole(path string, n *yaml.Node, at place, f field) int {
	x, err := strconv.Atoi(n.Value)
	if err != nil {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return 0
	}
	d.within(path, n, at, f, float64(x))
	return x
}

func (d *decoder) seed(path string, n *yaml.Node, at place, f field) uint64 {
	x, err := strconv.ParseUint(n.Value, 10, 64)
	if err != nil {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
	}
	return x
}

func (d *decoder) number(path string, n *yaml.Node, at place, f field) float64 {
	x, ok := parseNumber(n.Value, f.fraction)
	switch {
	case !ok:
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
	case !fits32(x):
		d.fault(path, at, "%s is not a number that 32 bits can hold", shown(n))
	default:
		d.within(path, n, at, f, x)
	}
	return x
}

// parseNumber reads decimal and scientific notation and, for fractions,
// percent. Names such as inf and nan are no numbers here.
func parseNumber(text string, fraction bool) (float64, bool) {
	digits, isPercent := text, false
	if fraction {
		digits, isPercent = strings.CutSuffix(text, "%")
		digits = strings.TrimRight(digits, " ")
	}
	if !regexp.MustCompile(`^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$`).MatchString(digits) {
		return 0, false
	}
	if isPercent {
		if strings.ContainsAny(digits, "eE") {
			return 0, false
		}
		digits += "e-2" // not a division: 91.7% and 0.917 are to be the same bits
	}
	x, err := strconv.ParseFloat(digits, 64)
	return x, err == nil || math.IsInf(x, 0) // too large is still a number, and refused as such
}

// fits32 says whether x is a finite number other than 0 also as the float32
// that networks compute with.
func fits32(x float64) bool {
	y := float64(float32(x))
	return !math.IsInf(y, 0) && (y != 0 || x == 0)
}

func (d *decoder) duration(path string, n *yaml.Node, at place, f field) Duration {
	x, err := ParseDuration(n.Value)
	if err != nil {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return 0
	}
	d.within(path, n, at, f, float64(x))
	return x
}

func (d *decoder) within(path string, n *yaml.Node, at place, f field, x float64) {
	if !f.within.contains(x) {
		d.fault(path, at, "%s is not %s", shown(n), f.within.phrase(f.fraction))
	}
}

// shown is a node as a message shows it: what begins like a number as written,
// other text in quotes, the rest by its kind.
func shown(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case regexp.MustCompile(`^[-+]?[.\d][\w.+-]*%?$`).MatchString(n.Value):
		return clipped(n.Value)
	default:
		return strconv.Quote(clipped(n.Value))
	}
}

// clipped keeps messages in one line.
func clipped(text string) string {
	text = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text), "?")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "..."
	}
	return text
}
