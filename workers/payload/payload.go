// Package payload encrypts what Espalier hands to Temporal, so that whoever
// reads the server's database, its interface or its backups sees no spec, no
// result and no failure. Keys are in a file that never leaves the machines of
// the workers and the people.
//
// What Temporal needs to do its work stays readable: ids, types, queues, times
// and the identities of workers.
package payload

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// The metadata of an encrypted payload. Both are readable by anybody.
const (
	encoding   = "binary/encrypted"
	metaKeyID  = "encryption-key-id"
	metaFormat = converter.MetadataEncoding
)

// Codec seals payloads with AES-256 in Galois/counter mode (NIST SP 800-38D)
// and opens them. It is safe for concurrent use.
type Codec struct {
	write string // the key that seals, by its id
	keys  map[string]cipher.AEAD
	path  string // of the keys, for errors
}

var _ converter.PayloadCodec = (*Codec)(nil)

// Open reads the keys of a file as [ReadKeys] does: the first one seals, all
// of them open.
func Open(path string) (*Codec, error) {
	keys, err := ReadKeys(path)
	if err != nil {
		return nil, err
	}
	c := &Codec{write: keys[0].ID, keys: make(map[string]cipher.AEAD, len(keys)), path: path}
	for _, k := range keys {
		block, err := aes.NewCipher(k.secret)
		if err != nil {
			return nil, fmt.Errorf("key %s in %s: %w", k.ID, path, err)
		}
		// The nonce is random, in front of the text. 96 bits of it are good for
		// 2^32 payloads of a key.
		if c.keys[k.ID], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("key %s in %s: %w", k.ID, path, err)
		}
	}
	return c, nil
}

// Encode seals payloads with the first key. The key's id is authenticated.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		text, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{metaFormat: []byte(encoding), metaKeyID: []byte(c.write)},
			Data:     c.keys[c.write].Seal(nil, nil, text, []byte(c.write)),
		}
	}
	return sealed, nil
}

// Decode opens payloads. Those that nobody sealed, as from before the keys,
// pass unchanged; one of another key or with a changed bit is an error.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[metaFormat]) != encoding {
			opened[i] = p
			continue
		}
		id := p.GetMetadata()[metaKeyID]
		key, known := c.keys[string(id)]
		if !known {
			return nil, fmt.Errorf("payload: it is encrypted with key %.40q, which %s does not have", id, c.path)
		}
		text, err := key.Open(nil, nil, p.GetData(), id)
		if err != nil {
			return nil, fmt.Errorf("payload: it does not open with key %s of %s: either it was changed, or another key has that name", id, c.path)
		}
		opened[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(text, opened[i]); err != nil {
			return nil, fmt.Errorf("payload of key %s: %w", id, err)
		}
	}
	return opened, nil
}

// Converter is the SDK's own converter with the codec over it; that converter
// alone for a nil codec.
func (c *Codec) Converter() converter.DataConverter {
	if c == nil {
		return converter.GetDefaultDataConverter()
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}

// Message is what a failure says, opened if need be; "" for none.
func Message(dc converter.DataConverter, f *failurepb.Failure) string {
	if f.GetEncodedAttributes() == nil {
		return f.GetMessage()
	}
	read := &failurepb.Failure{Message: f.GetMessage(), EncodedAttributes: f.GetEncodedAttributes()}
	converter.DecodeCommonFailureAttributes(dc, read)
	return read.GetMessage()
}
