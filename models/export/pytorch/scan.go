package pytorch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// The bounds of one pickle. A state dict of 1,000 tensors has some 40,000
// instructions; each costs the machine at most a few hundred bytes.
const (
	maxPickle       = 32 << 20
	maxInstructions = 1 << 20
	maxLine         = 4 << 10
	maxLong         = 1 << 10
)

// argument is what follows an instruction's code.
type argument int

// A positive argument is that many bytes.
const (
	forbidden argument = iota - 7
	line               // to the next newline
	twoLines
	length1 // bytes after a length of 1 byte
	length4
	length8
	long4 // the same for a number, whose cost grows with the square of its length
	none
)

// argumentOf says what follows each instruction of pickle protocols 0 to 5.
// Extension codes and buffers beside the file are forbidden: a state dict has
// neither.
func argumentOf(code byte) argument {
	switch code {
	case '(', '.', '0', '1', '2', 'N', 'Q', 'R', 'a', 'b', 'd', '}', 'e', 'l', ']', 'o', 's', 't', ')', 'u',
		0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94:
		return none
	case 'F', 'I', 'L', 'S', 'V', 'g', 'p':
		return line
	case 'c', 'i':
		return twoLines
	case 'K', 'h', 'q', 0x80:
		return 1
	case 'M':
		return 2
	case 'J', 'j', 'r':
		return 4
	case 'G', 0x95:
		return 8
	case 'U', 'C', 0x8a, 0x8c:
		return length1
	case 'T', 'X', 'B':
		return length4
	case 0x8d, 0x8e, 0x96:
		return length8
	case 0x8b:
		return long4
	}
	return forbidden
}

// frame is the instruction that announces how many bytes of instructions
// follow; the machine reads that many at once.
const frame = 0x95

// scan returns the bytes of the pickle that data begins with, after a look at
// every instruction: the machine allocates what a length says before it reads.
func scan(data []byte) ([]byte, error) {
	at := 0
	for n := 0; ; n++ {
		if at >= len(data) {
			return nil, io.ErrUnexpectedEOF
		}
		if n == maxInstructions || at > maxPickle {
			return nil, fmt.Errorf("the pickle has more than %d instructions or %d bytes", maxInstructions, maxPickle)
		}
		code := data[at]
		size, err := argumentSize(code, data[at+1:])
		if err != nil {
			return nil, fmt.Errorf("pickle, byte %d: instruction %#02x: %w", at, code, err)
		}
		at += 1 + size
		if code == '.' {
			return data[:at], nil
		}
	}
}

func argumentSize(code byte, rest []byte) (int, error) {
	switch a := argumentOf(code); a {
	case forbidden:
		return 0, errors.New("it has no place in a state dict")
	case none:
		return 0, nil
	case line:
		return lineSize(rest)
	case twoLines:
		first, err := lineSize(rest)
		if err != nil {
			return 0, err
		}
		second, err := lineSize(rest[first:])
		return first + second, err
	case length1:
		return counted(rest, 1, len(rest))
	case length4:
		return counted(rest, 4, len(rest))
	case length8:
		return counted(rest, 8, len(rest))
	case long4:
		return counted(rest, 4, maxLong)
	default:
		if len(rest) < int(a) {
			return 0, io.ErrUnexpectedEOF
		}
		if code == frame && binary.LittleEndian.Uint64(rest) > uint64(len(rest)-8) {
			return 0, errors.New("the frame is longer than the file")
		}
		return int(a), nil
	}
}

func lineSize(rest []byte) (int, error) {
	end := bytes.IndexByte(rest[:min(len(rest), maxLine)], '\n')
	if end < 0 {
		return 0, fmt.Errorf("no line of at most %d bytes follows", maxLine)
	}
	return end + 1, nil
}

// counted is the size of a length of width bytes and what it counts.
func counted(rest []byte, width, limit int) (int, error) {
	if len(rest) < width {
		return 0, io.ErrUnexpectedEOF
	}
	var wide [8]byte
	copy(wide[:], rest[:width])
	n := binary.LittleEndian.Uint64(wide[:])
	if n > uint64(min(limit, len(rest)-width)) {
		return 0, fmt.Errorf("it counts %d bytes, more than there are or are allowed", n)
	}
	return width + int(n), nil
}

// unpickle runs the pickle that data begins with and returns its value and its
// length. persistent finds storages; nil refuses them.
func unpickle(data []byte, persistent func(id any) (any, error)) (value any, size int, err error) {
	program, err := scan(data)
	if err != nil {
		return nil, 0, err
	}
	// The machine indexes without looking on some pickles that are wrong.
	defer func() {
		if fault := recover(); fault != nil {
			value, err = nil, fmt.Errorf("the pickle is broken: %.200s", fmt.Sprint(fault))
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(program))
	u.FindClass = findClass
	u.PersistentLoad = persistent
	value, err = u.Load()
	if err != nil {
		return nil, 0, fmt.Errorf("pickle: %.300s", err.Error())
	}
	return value, len(program), nil
}

// tuple returns the elements of a pickled tuple.
func tuple(value any) ([]any, bool) {
	t, ok := value.(*types.Tuple)
	if !ok || t == nil {
		return nil, false
	}
	return *t, true
}
