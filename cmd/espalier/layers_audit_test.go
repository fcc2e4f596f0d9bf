package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// source is one Go file and what the rules ask about it.
type source struct {
	path, dir string // in the repository, with slashes
	test      bool
	fset      *token.FileSet
	syntax    *ast.File
}

// auditor gathers the faults of a repository.
type auditor struct {
	faults     []string
	exceptions map[string]string
	used       map[string]bool
}

// audit parses every Go file of repo that git does not ignore and returns the
// faults that it finds against the tables of layers_test.go, in the order of
// the files. It reads the files itself rather than ask the go command.
func audit(repo fs.FS, exceptions map[string]string) ([]string, error) {
	files, err := sources(repo)
	if err != nil {
		return nil, err
	}
	a := &auditor{exceptions: exceptions, used: map[string]bool{}}
	for _, f := range files {
		a.room(f)
		a.imports(f)
		a.calls(f)
		a.declarations(f)
		a.comments(f)
	}
	a.packageComments(files)
	for key := range exceptions {
		if !a.used[key] {
			a.faults = append(a.faults, fmt.Sprintf("exceptions: nothing needs %q", key))
		}
	}
	slices.Sort(a.faults)
	return a.faults, nil
}

// sources parses the Go files of repo. Folders that git ignores or whose names
// begin with a dot, and testdata, are not code of the repository.
func sources(repo fs.FS) ([]*source, error) {
	ignored := ignoredFolders(repo)
	fset := token.NewFileSet()
	var files []*source
	err := fs.WalkDir(repo, ".", func(p string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (name[0] == '.' || name == "testdata" || ignored[p]):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		data, err := fs.ReadFile(repo, p)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(fset, p, data, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, &source{p, path.Dir(p), strings.HasSuffix(p, "_test.go"), fset, syntax})
		return nil
	})
	return files, err
}

// ignoredFolders are the folders that .gitignore names from the root: /bin/.
func ignoredFolders(repo fs.FS) map[string]bool {
	ignored := map[string]bool{}
	data, _ := fs.ReadFile(repo, ".gitignore") // none is fine
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if line := s.Text(); strings.HasPrefix(line, "/") && strings.HasSuffix(line, "/") {
			ignored[strings.Trim(line, "/")] = true
		}
	}
	return ignored
}

func (a *auditor) fault(f *source, at token.Pos, rule, format string, args ...any) {
	for _, key := range []string{rule + " " + f.path, rule + " " + f.dir + "/"} {
		if _, ok := a.exceptions[key]; ok {
			a.used[key] = true
			return
		}
	}
	line := f.fset.Position(at).Line
	a.faults = append(a.faults, fmt.Sprintf("%s:%d: %s: %s", f.path, line, rule, fmt.Sprintf(format, args...)))
}

// room checks that the file lies in a room and, in models, in a row.
func (a *auditor) room(f *source) {
	if slices.Index(rooms, roomOf(f.dir)) < 0 {
		a.fault(f, f.syntax.Package, "no room", "%s is none of %s", f.dir, strings.Join(rooms, ", "))
	}
	if roomOf(f.dir) == "models" && rowOf(f.dir) < 0 {
		a.fault(f, f.syntax.Package, "models order", "%s has no row in the order inside models", f.dir)
	}
}

func (a *auditor) imports(f *source) {
	for _, spec := range f.syntax.Imports {
		to, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
		for _, d := range doors {
			if within(to, d.pkg) && (d.always || !f.test) && !withinAny(f.path, d.opens) {
				a.fault(f, spec.Pos(), "door", "%s comes in through %s: %s", to, places(d.opens), d.why)
			}
		}
		if ours, ok := strings.CutPrefix(to, "espalier/"); ok {
			a.order(f, spec.Pos(), ours)
		}
	}
}

// order checks an import of a package of ours.
func (a *auditor) order(f *source, at token.Pos, to string) {
	from, down := slices.Index(rooms, roomOf(f.dir)), slices.Index(rooms, roomOf(to))
	switch {
	case from < 0: // room has said so
	case down < 0:
		a.fault(f, at, "no room", "%s is none of %s", to, strings.Join(rooms, ", "))
	case down < from:
		a.fault(f, at, "room order", "%s imports %s, which stands above it", f.dir, to)
	}
	if f.test || roomOf(f.dir) != "models" || roomOf(to) != "models" {
		return
	}
	row, below := rowOf(f.dir), rowOf(to)
	if row < 0 || below > row || below == row && folderOf(f.dir) == folderOf(to) {
		return
	}
	a.fault(f, at, "models order", "%s imports %s, which does not stand below it", f.dir, to)
}

// calls checks every use, called or not, of the functions in the table.
func (a *auditor) calls(f *source) {
	if f.test {
		return
	}
	names := localNames(f.syntax)
	if dot, ok := names["."]; ok {
		a.fault(f, f.syntax.Package, "dot import", "of %s", dot)
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			// An identifier with an object is a variable of the file that
			// hides the package.
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && names[x.Name] != "" {
				a.use(f, n.Pos(), names[x.Name], n.Sel.Name)
			}
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && fun.Name == "panic" && fun.Obj == nil {
				a.fault(f, n.Pos(), "panic", "return an error")
			}
		}
		return true
	})
}

func (a *auditor) use(f *source, at token.Pos, pkg, name string) {
	for _, c := range calls {
		types := []string{"Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf"}
		switch {
		case c.pkg != pkg, c.names != nil && !slices.Contains(c.names, name):
		case slices.Contains(c.but, name), strings.HasPrefix(pkg, "math/rand") && slices.Contains(types, name):
		case c.in != nil && !withinAny(f.path, c.in), withinAny(f.path, c.opens):
		default:
			a.fault(f, at, "call", "%s.%s: %s", pkg, name, c.why)
		}
	}
}

// declarations checks what a file declares, and how much.
func (a *auditor) declarations(f *source) {
	if ast.IsGenerated(f.syntax) {
		return
	}
	if n := f.fset.File(f.syntax.Pos()).LineCount(); n > maxFileLines {
		a.fault(f, f.syntax.Package, "size", "%d lines in a file, at most %d", n, maxFileLines)
	}
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || f.test {
			continue
		}
		if fn.Name.Name == "init" && fn.Recv == nil {
			a.fault(f, fn.Pos(), "init", "say it where it is used")
		}
		first, last := f.fset.Position(fn.Pos()).Line, f.fset.Position(fn.End()).Line
		if n := last - first + 1; n > maxFunctionLines {
			a.fault(f, fn.Pos(), "size", "%d lines in %s, at most %d", n, fn.Name.Name, maxFunctionLines)
		}
	}
}

// comments checks that nothing says that it is not finished.
func (a *auditor) comments(f *source) {
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			for _, mark := range []string{"TODO", "FIXME", "XXX"} {
				if strings.Contains(c.Text, mark) {
					a.fault(f, c.Pos(), "unfinished", "%s", mark)
				}
			}
		}
	}
}

// packageComments checks that each package says what it is, outside its tests.
func (a *auditor) packageComments(files []*source) {
	documented := map[string]bool{}
	for _, f := range files {
		if !f.test {
			documented[f.dir] = documented[f.dir] || f.syntax.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			a.faults = append(a.faults, dir+": package comment: there is none")
		}
	}
}

// localNames are the packages that the file imports by the names it uses.
func localNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		pkg, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(strings.TrimSuffix(pkg, "/v2"))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = pkg
	}
	return names
}

// roomOf is the first folder of a path in the repository.
func roomOf(dir string) string {
	room, _, _ := strings.Cut(dir, "/")
	return room
}

// rowOf is the row of a package of models, or -1.
func rowOf(pkg string) int {
	entry := entryOf(pkg)
	return slices.IndexFunc(rows, func(row []string) bool { return slices.Contains(row, entry) })
}

// folderOf is what a package shares with those that it may import in its own
// row.
func folderOf(pkg string) string { return strings.TrimSuffix(entryOf(pkg), "/...") }

// entryOf is the longest entry of the rows that a package belongs to. An entry
// is a folder with all under it, but for models itself; with dots at its end,
// only what is under it.
func entryOf(pkg string) string {
	longest := ""
	for _, entry := range slices.Concat(rows...) {
		folder := strings.TrimSuffix(entry, "/...")
		belongs := pkg == entry || entry != "models" && strings.HasPrefix(pkg, folder+"/")
		if belongs && len(entry) > len(longest) {
			longest = entry
		}
	}
	return longest
}

// within says whether a path is at or under a folder or package.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

func withinAny(p string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return within(p, folder) })
}

func places(folders []string) string {
	if len(folders) == 0 {
		return "nowhere"
	}
	return strings.Join(folders, ", ")
}
