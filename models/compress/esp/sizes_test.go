package esp_test

import (
	"testing"

	"espalier/models/compress/esp"
)

// Every byte of a file is of something, and of one thing only.
func TestSizesAreTheFile(t *testing.T) {
	t.Parallel()
	for name, net := range networks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, o := range []esp.Options{{}, {Smallest: true}} {
				data, err := esp.Encode(net, o)
				if err != nil {
					t.Fatal(err)
				}
				f, err := esp.Open(data)
				if err != nil {
					t.Fatal(err)
				}
				sizes, err := f.Sizes()
				if err != nil {
					t.Fatal(err)
				}
				if sizes.Total() != len(data) || f.Size() != len(data) {
					t.Errorf("%d bytes are counted, the file has %d", sizes.Total(), len(data))
				}
				for i, size := range sizes.Tensors {
					tensor, err := f.Tensor(size.Name)
					if err != nil {
						t.Fatal(err)
					}
					if size.Stored != tensor.Stored() || size.Book != len(tensor.Codebook) || size.Elements != len(net.Params[i].Data) {
						t.Errorf("%s: %d weights of %d and %d values are counted, it has %d and %d", size.Name, size.Stored, size.Elements, size.Book, tensor.Stored(), len(tensor.Codebook))
					}
					for _, n := range []int{size.Values, size.Positions, size.BookSize, size.CodeTables, size.Mask, size.Frame} {
						if n < 0 {
							t.Errorf("%s: something takes %d bytes: %+v", size.Name, n, size)
						}
					}
				}
			}
		})
	}
}
