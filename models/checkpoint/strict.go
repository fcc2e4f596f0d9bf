package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The bounds of JSON that is read: they keep the memory that it takes to a
// small multiple of its size.
const (
	maxJSONTokens = 1 << 19
	maxJSONDepth  = 64
)

// strictJSON decodes one JSON value into v. Unlike encoding/json it refuses
// unknown and repeated names, bytes that are no UTF-8,
// and anything after the value.
func strictJSON(data []byte, v any) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// checkJSON checks the form of a JSON document without keeping any of it.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("JSON is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	tokens := 0
	if err := checkValue(dec, 0, &tokens); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the JSON value")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int, tokens *int) error {
	token, err := nextToken(dec, tokens)
	if err != nil {
		return err
	}
	delim, composite := token.(json.Delim)
	if !composite {
		return nil
	}
	if depth == maxJSONDepth {
		return fmt.Errorf("JSON is nested more than %d deep", maxJSONDepth)
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			token, err := nextToken(dec, tokens)
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if names[name] {
				return fmt.Errorf("JSON has the name %.60q twice", name)
			}
			names[name] = true
		}
		if err := checkValue(dec, depth+1, tokens); err != nil {
			return err
		}
	}
	_, err = nextToken(dec, tokens) // the closing bracket
	return err
}

func nextToken(dec *json.Decoder, tokens *int) (json.Token, error) {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if *tokens++; *tokens > maxJSONTokens {
		err = fmt.Errorf("JSON has more than %d tokens", maxJSONTokens)
	}
	return token, err
}

// canonicalJSON is v as JSON in which object names are sorted and equal values
// have equal bytes, whatever Go type they come from.
func canonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if err := checkJSON(raw); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // integers keep all their digits
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err = enc.Encode(plainNumbers(tree))
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// plainNumbers writes numbers that are no integer literals in the shortest
// form that reads back to the same float64, so that 1e-1 and 0.1 are equal.
func plainNumbers(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = plainNumbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = plainNumbers(value)
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
	}
	return tree
}
