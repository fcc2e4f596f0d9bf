package huffman

import (
	"cmp"
	"fmt"
	"slices"
)

// The bounds of a code.
const (
	MaxSymbols = 1 << 16 // symbols are from 0 to MaxSymbols-1
	MaxLength  = 24      // bits of a code word
	maxCount   = 1 << 40 // so that sums of counts never overflow
)

// Lengths are the lengths of the code words, by symbol, of a prefix code that
// writes a message with these counts in as few bits as any with words of at
// most limit bits can: a Huffman code where that is short enough. A symbol that
// does not occur has length 0, one that occurs alone has length 1. Where several
// codes are best the choice depends on the counts alone. It fails on a limit
// that is not from 1 to MaxLength, on more symbols than words of limit bits, and
// on a count that is negative or above 2^40.
//
// The method is package-merge (Larmore and Hirschberg 1990).
func Lengths(counts []int64, limit int) ([]uint8, error) {
	if limit < 1 || limit > MaxLength {
		return nil, fmt.Errorf("limit is %d: a code word has from 1 to %d bits", limit, MaxLength)
	}
	if len(counts) > MaxSymbols {
		return nil, fmt.Errorf("%d symbols: at most %d are allowed", len(counts), MaxSymbols)
	}
	var symbols []int // that occur, the rarest first
	for s, n := range counts {
		if n < 0 || n > maxCount {
			return nil, fmt.Errorf("the count of symbol %d is %d: it is from 0 to %d", s, n, int64(maxCount))
		}
		if n > 0 {
			symbols = append(symbols, s)
		}
	}
	if len(symbols) > 1<<limit {
		return nil, fmt.Errorf("%d symbols occur: words of at most %d bits are enough for %d", len(symbols), limit, 1<<limit)
	}
	lengths := make([]uint8, len(counts))
	if len(symbols) == 1 {
		lengths[symbols[0]] = 1
	}
	if len(symbols) < 2 {
		return lengths, nil
	}
	slices.SortStableFunc(symbols, func(a, b int) int { return cmp.Compare(counts[a], counts[b]) })
	leaves := make([]int64, len(symbols))
	for i, s := range symbols {
		leaves[i] = counts[s]
	}
	levels := packages(leaves, limit)
	// A symbol's word is as long as there are levels that take its leaf: the
	// last level takes 2n - 2 items, the others what the packages above hold.
	take := 2*len(symbols) - 2
	for level := len(levels) - 1; level >= 0; level-- {
		taken := 0
		for _, leaf := range levels[level][:take] {
			if leaf {
				lengths[symbols[taken]]++
				taken++
			}
		}
		take = 2 * (take - taken)
	}
	return lengths, nil
}

// packages merges, level by level, the leaves with pairs of the level before,
// and returns for each item in order of weight whether it is a leaf.
func packages(leaves []int64, limit int) [][]bool {
	levels := make([][]bool, limit)
	var before []int64
	for level := range levels {
		items, isLeaf := make([]int64, 0, 2*len(leaves)), make([]bool, 0, 2*len(leaves))
		leaf, pair := 0, 0
		for leaf < len(leaves) || pair+1 < len(before) {
			packed := int64(0)
			if pair+1 < len(before) {
				packed = before[pair] + before[pair+1]
			}
			// Of equal weights the leaf comes first, which keeps words short.
			if leaf < len(leaves) && (pair+1 >= len(before) || leaves[leaf] <= packed) {
				items, isLeaf = append(items, leaves[leaf]), append(isLeaf, true)
				leaf++
				continue
			}
			items, isLeaf = append(items, packed), append(isLeaf, false)
			pair += 2
		}
		levels[level], before = isLeaf, items
	}
	return levels
}
