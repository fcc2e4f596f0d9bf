package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docBlock is a block of code in a page.
type docBlock struct {
	line     int    // of its first line
	language string // what stands behind the fence; sh for indented blocks
	mark     string // the comment right before it: "run", "file: NAME" or none
	text     string
	indented bool
}

var markLine = regexp.MustCompile(`^<!-- (.*) -->$`)

// blocksOf finds the fenced and the indented blocks of a page. What is indented
// inside of a list is text.
func blocksOf(page string) []docBlock {
	var blocks []docBlock
	var open *docBlock
	fence, mark, before := "", "", ""
	for i, line := range strings.Split(page, "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case fence != "" && trimmed == fence:
			blocks, open, fence = append(blocks, *open), nil, ""
		case fence != "":
			open.text += line + "\n"
		case strings.HasPrefix(trimmed, "```"):
			fence = "```"
			open = &docBlock{line: i + 2, language: strings.TrimPrefix(trimmed, fence), mark: mark}
		case strings.HasPrefix(line, "    ") && trimmed != "" && (open != nil || before == ""):
			if open == nil {
				open = &docBlock{line: i + 1, language: "sh", mark: mark, indented: true}
			}
			open.text += line[4:] + "\n"
		default:
			if open != nil {
				blocks, open = append(blocks, *open), nil
			}
		}
		if m := markLine.FindStringSubmatch(line); m != nil {
			mark = m[1]
		} else if line != "" {
			mark = ""
		}
		// What follows a list's entry belongs to it until something stands at the margin.
		if listed := regexp.MustCompile(`^\s*([-*]|\d+\.) `).MatchString(line); listed {
			before = "list"
		} else if before != "list" || line != "" && line[0] != ' ' {
			before = line
		}
	}
	if open != nil {
		blocks = append(blocks, *open)
	}
	return blocks
}

// commands are those of a block of a shell; of a console those after a $. A
// block that hides commands of ours in another language is an error.
func (b docBlock) commands() ([][]string, error) {
	switch b.language {
	case "sh":
		return shellCommands(b.text)
	case "console":
		var typed string
		for line := range strings.Lines(b.text) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				typed += command
			}
		}
		if typed == "" {
			return nil, errors.New("a console without a line that begins with $")
		}
		return shellCommands(typed)
	case "":
		if regexp.MustCompile(`(?m)^(\$ )?(bin/)?(espalier|ssh|docker|make) `).MatchString(b.text) {
			return nil, errors.New("a block with commands says sh or console behind its fence")
		}
	}
	return nil, nil
}

// shellCommands are the simple commands of a script, their words without
// quotes: those in pipelines, loops and substitutions too. It knows as much of a
// shell as pages need.
func shellCommands(script string) ([][]string, error) {
	s := shell{rest: strings.NewReplacer("\\\n", " ", "2>&1", "").Replace(script)}
	if err := s.list(0); err != nil {
		return nil, err
	}
	return s.commands, nil
}

type shell struct {
	rest     string
	commands [][]string
}

// list reads commands up to the end, or to the bracket that ends it.
func (s *shell) list(end byte) error {
	var words []string
	flush := func() {
		if words = meant(words); len(words) > 0 {
			s.commands = append(s.commands, words)
		}
		words = nil
	}
	for s.rest != "" {
		switch c := s.rest[0]; {
		case end != 0 && c == end:
			s.rest = s.rest[1:]
			flush()
			return nil
		case strings.IndexByte("\n;|&", c) >= 0:
			s.rest = s.rest[1:]
			flush()
		case c == ' ' || c == '\t':
			s.rest = s.rest[1:]
		case c == '#':
			_, s.rest, _ = strings.Cut(s.rest, "\n")
			flush()
		case c == '(':
			s.rest = s.rest[1:]
			if err := s.list(')'); err != nil {
				return err
			}
		case c == '<' || c == '>':
			s.rest = strings.TrimLeft(s.rest, "<> ")
			if _, err := s.word(end); err != nil {
				return err
			}
		default:
			word, err := s.word(end)
			if err != nil {
				return err
			}
			words = append(words, word)
		}
	}
	if flush(); end != 0 {
		return fmt.Errorf("no %c ends what was begun", end)
	}
	return nil
}

// word reads up to a space, an operator or the end of the list.
func (s *shell) word(end byte) (string, error) {
	var out strings.Builder
	quote := byte(0)
	for s.rest != "" {
		c := s.rest[0]
		switch {
		case quote == 0 && (strings.IndexByte(" \t\n;|&<>", c) >= 0 || end != 0 && c == end):
			return out.String(), nil
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != '\'' && strings.HasPrefix(s.rest, "$("):
			s.rest = s.rest[2:]
			if err := s.list(')'); err != nil {
				return "", err
			}
			out.WriteString("X")
			continue
		default:
			out.WriteByte(c)
		}
		s.rest = s.rest[1:]
	}
	if quote != 0 {
		return "", fmt.Errorf("no %c ends what was begun", quote)
	}
	return out.String(), nil
}

var (
	assignment = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=`)
	keywords   = regexp.MustCompile(`^(do|then|else|done|fi|exec|!)$`)
)

// meant is a command without what a shell takes itself.
func meant(words []string) []string {
	for len(words) > 0 && (assignment.MatchString(words[0]) || keywords.MatchString(words[0])) {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "for" {
		return nil
	}
	return words
}

func TestShellCommandsAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		want   [][]string
	}{
		"comments":      {"a b # c\n# d\n  e", [][]string{{"a", "b"}, {"e"}}},
		"pipes":         {"a | b 'c | d' && e; f", [][]string{{"a"}, {"b", "c | d"}, {"e"}, {"f"}}},
		"substitution":  {"x=$(a \"b c\")\nd \"$(e f)\" $(g)", [][]string{{"a", "b c"}, {"e", "f"}, {"g"}, {"d", "X", "X"}}},
		"a loop":        {"for s in 1 2; do a $s\ndone", [][]string{{"a", "$s"}}},
		"redirections":  {"a > b 2>&1 < c", [][]string{{"a"}}},
		"a long line":   {"a \\\n  b", [][]string{{"a", "b"}}},
		"brackets":      {"(umask 077; echo a > b)", [][]string{{"umask", "077"}, {"echo", "a"}}},
		"an assignment": {"X=1 Y='a b' c", [][]string{{"c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := shellCommands(test.script)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, broken := range []string{"a 'b", "a $(b"} {
		if got, err := shellCommands(broken); err == nil {
			t.Errorf("%q is %q", broken, got)
		}
	}
}
