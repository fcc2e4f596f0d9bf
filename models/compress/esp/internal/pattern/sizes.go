package pattern

import (
	"encoding/binary"
	"math"

	"espalier/models/compress/esp/internal/numbers"
)

// Count is how many entries a pattern says that it has.
func Count(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	n, _ := binary.Uvarint(data[1:])
	return int(min(n, math.MaxInt32))
}

// TableSize is how many bytes of a pattern that [Decode] has read are the table
// of a coder.
func TableSize(data []byte) int {
	if len(data) < 2 || data[0]&markMap != 0 {
		return 0
	}
	mark, rest := data[0], data[1:]
	_, size := binary.Uvarint(rest)
	rest = rest[max(0, size):]
	if mark&markSqueezed != 0 {
		length, size := binary.Uvarint(rest)
		if size <= 0 || length > uint64(len(rest)-size) {
			return 0
		}
		rest = rest[size+int(length):]
	}
	return numbers.TableSize(rest)
}
