package payload

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// keyBytes is the length of a key: AES-256.
const keyBytes = 32

// Key is a secret and the name by which payloads call it.
type Key struct {
	ID     string
	secret []byte
}

// Format prints the name, whatever the verb; the secret is never printed.
func (k Key) Format(state fmt.State, _ rune) { fmt.Fprint(state, "key ", k.ID) }

// keyID keeps names short and fit for logs.
var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

// ReadKeys reads a file with a key a line, its name and 32 bytes in base64:
//
//	2026-11 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
//
// Empty lines and those that begin with # are left out. The file must be
// readable by its owner only, and have at least one key. No error tells a secret.
func ReadKeys(path string) ([]Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("payload keys: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("payload keys: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("payload keys: %s is a folder; a file is allowed", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("payload keys: %s has mode %#o, so others may read it; allowed is 0600 (chmod 600)", path, mode)
	}
	var keys []Key
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		key, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("payload keys: %s:%d: %w", path, number, err)
		}
		for _, other := range keys {
			if other.ID == key.ID {
				return nil, fmt.Errorf("payload keys: %s:%d: key %s is there twice", path, number, key.ID)
			}
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("payload keys: %s: %w", path, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("payload keys: %s has none; a line is a name and 32 bytes in base64", path)
	}
	return keys, nil
}

func parseKey(text string) (Key, error) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return Key{}, fmt.Errorf("%d words; a line is a name and 32 bytes in base64", len(fields))
	}
	if !keyID.MatchString(fields[0]) {
		return Key{}, fmt.Errorf("the name is not 1 to 40 of [a-zA-Z0-9._-] that begin with a letter or a digit")
	}
	secret, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return Key{}, fmt.Errorf("key %s is not base64", fields[0])
	}
	if len(secret) != keyBytes {
		return Key{}, fmt.Errorf("key %s has %d bytes, want %d", fields[0], len(secret), keyBytes)
	}
	return Key{ID: fields[0], secret: secret}, nil
}
