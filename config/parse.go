package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxBytes is the largest spec. Real ones have a few hundred bytes; the limit
// keeps a wrong file name from reading a data set.
const maxBytes = 1 << 20

// Load reads the spec in a file. Relative paths in it become absolute, counted
// from the file's folder, the digest of the network's file is taken, and a
// target that a scan of sensitivity drives becomes shares by layer. What is
// wrong with the spec comes back as [*Faults]; a file that cannot be read as the
// error of package os.
func Load(path string) (*Spec, error) { return load(path, reportIn(path)) }

// LoadScan is Load for a scan of sensitivity, which may be there to write the
// report that the spec's target waits for: it does not read it.
// Nor does it look at the sweep, of which a scan is no part.
func LoadScan(path string) (*Spec, error) {
	spec, err := load(path, noReport)
	if err == nil {
		spec.Sweep = nil
	}
	return spec, err
}

func load(path string, reports reader) (*Spec, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	spec, d, err := parse(path, data, reports)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("spec: folder of %s: %w", path, err)
	}
	spec.resolve(folder)
	if spec.Sweep != nil {
		d.sealSweep(spec, folder)
	}
	if d.seal(&spec.Network); len(d.faults) > 0 {
		return nil, sorted(d.faults)
	}
	return spec, nil
}

// Parse reads a spec from YAML, fills in the defaults and checks it. The name
// is that of the file, for messages. The error is [*Faults] and holds all that
// is wrong, unless the text is not YAML at all: then it holds the first place
// where it stops being so.
func Parse(name string, data []byte) (*Spec, error) {
	spec, _, err := parse(name, data, nil)
	return spec, err
}

// parse is Parse; the decoder knows the places of the keys.
func parse(name string, data []byte, reports reader) (*Spec, *decoder, error) {
	d := newDecoder(name)
	root := d.document(data)
	if root == nil {
		return nil, nil, sorted(d.faults)
	}
	spec := d.spec(root, reports)
	if spec.Sweep != nil {
		spec.Sweep.File, spec.Sweep.Source = name, string(data)
	}
	if root.Kind == yaml.MappingNode {
		d.checkSweep(spec)
	}
	if err := sorted(d.faults); err != nil {
		return nil, nil, err
	}
	return spec, d, nil
}

// spec reads a document, fills in the defaults and checks it.
func (d *decoder) spec(root *yaml.Node, reports reader) *Spec {
	spec := &Spec{}
	d.value("", root, field{typ: reflect.TypeFor[Spec]()}, reflect.ValueOf(spec).Elem())
	if root.Kind == yaml.MappingNode {
		complete(spec)
		d.aim(spec, reports)
		check(d, spec)
	}
	return spec
}

// document is the root node of the only document of data, or nil with the
// fault noted.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > maxBytes {
		d.fault("", place{1, 1}, "the file has more than %d bytes; a spec has a few hundred", maxBytes)
		return nil
	}
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := reader.Decode(&first); {
	case errors.Is(err, io.EOF), err == nil && isNull(first.Content[0]):
		d.fault("", place{1, 1}, "the file is empty; espalier init writes a commented spec to start from")
		return nil
	case err != nil:
		d.syntax(data, err)
		return nil
	}
	switch err := reader.Decode(&second); {
	case err == nil:
		d.fault("", placeOf(&second), "a second document begins here; a spec file holds one")
	case !errors.Is(err, io.EOF):
		d.syntax(data, err)
	}
	return first.Content[0]
}

// syntax notes the place where the text stops being YAML, as far as the
// library's message tells it.
func (d *decoder) syntax(data []byte, err error) {
	at, message := place{1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): (.*)`).FindStringSubmatch(message); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.line = line
		}
		// The library counts lines from 1 in the errors of its scanner and
		// from 0 in those of its parser.
		if message = m[2]; regexp.MustCompile(`^did not find expected (<|node|key|'-'|',')`).MatchString(message) {
			at.line++
		}
	}
	if m := regexp.MustCompile(`^unknown anchor '(.*)' referenced`).FindStringSubmatch(message); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		at = place{bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')}
	}
	if tab := tabIndent(data, at.line); tab != (place{}) {
		d.fault("", tab, "a tab indents this line; YAML allows only spaces there")
		return
	}
	d.fault("", at, "not YAML: %s", message)
}

// tabIndent is the place of a tab that indents the line or the next one.
func tabIndent(data []byte, line int) place {
	lines := bytes.Split(data, []byte("\n"))
	for i := line; i <= min(line+1, len(lines)); i++ {
		text := lines[i-1]
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
			return place{i, tab + 1}
		}
	}
	return place{}
}
