package bundle_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"espalier/models/checkpoint/dirstore"
	"espalier/workers/bundle"
	"espalier/workflows"
)

// FuzzRead reads whatever comes: a bundle or an error, and no panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("manifest.json"))
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		store, err := dirstore.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Read(t.Context(), bytes.NewReader(data), store)
		if err == nil && b.Manifest.Format != bundle.Format && b.Manifest.Format != bundle.FormatSweep {
			t.Errorf("a bundle of format %q", b.Manifest.Format)
		}
	})
}

// FuzzRecord takes apart the record of a bundle that anybody may have written.
func FuzzRecord(f *testing.F) {
	digest := strings.Repeat("a", 64)
	link := `{"key":"` + digest + `","checkpoint":"` + digest + `"}`
	for _, text := range []string{
		`{"links":[` + link + `],"rows":[{}]}`,
		`{"links":[{}],"rows":[{}]}`,
		`{"links":[` + link + `,` + link + `],"rows":[{},{"huffman_bytes":1}]}`,
		`{"links":[` + link + `,` + link + `,` + link + `],"rows":[{"kept":true},{"pass":1,"huffman_bytes":1}],"spec":{"quantize":{"method":"shared"}}}`,
		`{"links":[` + link + `],"rows":[{}],"spec":{"prune":{"method":"han","schedule":{"passes":999999999999}}}}`,
		`{"links":[` + link + `],"rows":[{}],"spec":{"exec":{"passes":2,"trainer":"x"}}}`,
		`{"links":[` + link + `,` + link + `,` + link + `,` + link + `],"rows":[{},{"pass":1}],"spec":{"prune":{"method":"han","schedule":{"passes":1,"target":{"sparsity":0.5}},"finetune":{"epochs":1}}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var record workflows.Record
		if json.Unmarshal(data, &record) != nil {
			t.Skip()
		}
		steps, err := record.Steps()
		for _, s := range steps {
			if err == nil && s.Input == nil {
				t.Error("a step without an input")
			}
		}
	})
}
