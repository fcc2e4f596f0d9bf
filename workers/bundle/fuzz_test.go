package bundle_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"espalier/models/checkpoint"
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

// FuzzSealed reads bundles whose digests are right, as anybody can make them: of a
// run, and of a sweep with a trial.
func FuzzSealed(f *testing.F) {
	digest := strings.Repeat("a", 64)
	record := `{"links":[{"key":"` + digest + `","checkpoint":"` + digest + `"}],"rows":[{}]}`
	for _, seed := range [][3]string{
		{`{"format":"espalier bundle 1","run":"r"}`, record, ""},
		{`{"format":"espalier bundle of a sweep 1","run":"s","trials":[{"trial":1,"run":"t","steps":[{"kind":"train","key":"` + digest + `"}]}]}`, `{"spec":{"name":"s"},"trials":1}`, record},
		{`{"format":"espalier bundle of a sweep 1","run":"s","trials":[{"run":"../t"},{"run":"s"}]}`, `{}`, `{}`},
		{`{"format":"espalier bundle of a sweep 1","run":"s"}`, `[]`, ""},
		{`{"format":"espalier bundle 2","run":"r"}`, `{}`, ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, manifest, record, trial string) {
		var m bundle.Manifest
		if json.Unmarshal([]byte(manifest), &m) != nil {
			t.Skip()
		}
		files := map[string]string{"runs/" + m.Run + "/result.json": record}
		for _, of := range m.Trials {
			files["runs/"+of.Run+"/result.json"] = trial
		}
		store, err := dirstore.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		data, err := sealed(m, files)
		if err != nil {
			t.Skip(err)
		}
		b, err := bundle.Read(t.Context(), bytes.NewReader(data), store)
		if err != nil {
			return
		}
		if b.Manifest.Run != m.Run || len(b.Manifest.Trials) != len(m.Trials) {
			t.Errorf("a bundle of %s with %d trials is read as one of %s with %d", m.Run, len(m.Trials), b.Manifest.Run, len(b.Manifest.Trials))
		}
		steps, known := b.Manifest.AllSteps(), map[string]bool{}
		for _, s := range steps {
			known[s.Key] = true
		}
		for _, of := range m.Trials {
			for _, s := range of.Steps {
				if !known[s.Key] {
					t.Errorf("step %s of trial %d is not among %d steps", s.Key, of.Trial, len(steps))
				}
			}
		}
	})
}

// sealed is a bundle of these files; an error where tar has no such name.
func sealed(m bundle.Manifest, files map[string]string) ([]byte, error) {
	m.Files = nil
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		m.Files = append(m.Files, bundle.File{Name: name, Size: int64(len(files[name])), SHA256: checkpoint.DigestOf([]byte(files[name]))})
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name, text string) {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o644}))
		if err == nil {
			_, err = w.Write([]byte(text))
		}
	}
	add("manifest.json", string(manifest))
	add("manifest.json.sha256", string(checkpoint.DigestOf(manifest))+"  manifest.json\n")
	for _, name := range names {
		add(name, files[name])
	}
	return out.Bytes(), errors.Join(err, w.Close())
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
