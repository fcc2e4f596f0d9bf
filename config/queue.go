package config

import (
	"fmt"
	"reflect"
	"regexp"
)

// CheckQueue says whether a spec can name the queue. A worker of any other
// queue would wait for ever.
func CheckQueue(name string) error {
	queue, _ := reflect.TypeFor[Resources]().FieldByName("Queue")
	f := newField(0, queue)
	if !regexp.MustCompile(`^(?:` + f.pattern + `)$`).MatchString(name) {
		return fmt.Errorf("%q does not match %s", name, f.pattern)
	}
	return nil
}
