package order_test

import (
	"testing"

	"espalier/models/compress/order"
	"espalier/models/zoo"
)

func BenchmarkFewest(b *testing.B) {
	for name, o := range map[string]zoo.Options{"lenet-5": {Arch: "lenet-5"}, "vgg-16-bn": {Arch: "vgg-16-bn", Width: 0.5}} {
		b.Run(name, func(b *testing.B) {
			net := pruned(b, o, 1, 0.05)
			for b.Loop() {
				if _, err := order.Fewest(net, sizes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
