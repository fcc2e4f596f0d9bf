package numbers_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"espalier/models/compress/esp/internal/numbers"
)

// steady is a list that never changes, with more small numbers than large ones.
// With rare, most are 0.
func steady(n int, most uint32, rare bool) []uint32 {
	list := make([]uint32, n)
	x := uint64(1)
	for i := range list {
		x = (x*1664525 + 1013904223) & 0xffffffff // Numerical Recipes
		high := x >> 16
		list[i] = uint32((high * high >> 16 * high >> 16) * uint64(most) >> 16)
		if rare && (list[i]*4 < most*3 || i%5 != 0) {
			list[i] = 0
		}
	}
	return list
}

// Lists of format 1, from the coders with tables, are read for ever.
func TestFormat1(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		list  []uint32
		coder string
		data  string
	}{
		"words":               {steady(200, 7, false), "huffman", "fa3b2df14c884d7eac0585e3d1fb7fca269ed061338fc2fd1d6484e63b82d3450c49e7d88ec2205fac4f6484d3c28b60ad9154999f8d41575888"},
		"words and bits":      {steady(200, 150, false), "huffman", "02511252ebbce70eac9a9dcfbd1e0711ad94ef4d7d9fe7418ef1f94471512d0fa94f8d1646c4ef5db52e244ee9d0dcdae3f7bf2285a631b489f1de9fb5b0743f3b54ed246d10b239b394b7ef52064e955507c0ce98b273e5c6bebd8ae87f84708e4e4b0317c07e340ac23d08be4a1b83436c55de363bafd1b8fb24bfc2672e1485838242e5a0f14aa0d1e07667c60f1f769708e7d49aa2270a44143e0300c1e60d23a3194a91f8"},
		"two states":          {steady(300, 9, true), "fse", "fbf16b05bb111c907bd617523542"},
		"two states and bits": {steady(300, 40, true), "fse", "430fe1eb3f06587d6ef3cb8e790b0b2103a18a65e0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := hex.DecodeString(test.data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := numbers.Decode[uint32](data, len(test.list), slices.Max(test.list))
			if err != nil || !slices.Equal(got, test.list) || numbers.Name(data) != test.coder {
				t.Errorf("%s: %v, error %v, want %v", numbers.Name(data), got, err, test.list)
			}
		})
	}
}
