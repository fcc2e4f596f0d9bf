package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// noticeEvery is how often a notice is looked for. Clouds ask for no more than
// that, and give 30 seconds at least.
const noticeEvery = time.Second

// noticeWithin bounds one look.
const noticeWithin = 2 * time.Second

// CheckNotice says what is wrong with where a notice is looked for: a file, or
// an http or https URL.
func CheckNotice(source string) error {
	if source == "" {
		return errors.New("is empty; want a file or an http URL")
	}
	if !strings.Contains(source, "://") {
		return nil
	}
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no file and no http URL", source)
	}
	return nil
}

// AwaitNotice waits until a cloud says that it takes the machine away, and
// answers with what it said; "" when ctx ends. A file says so by being there, a
// URL as [Noticed] describes. A source that does not answer says nothing.
func AwaitNotice(ctx context.Context, source string) string {
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	for {
		if said := look(ctx, source); said != "" {
			return said
		}
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
	}
}

func look(ctx context.Context, source string) string {
	if !strings.Contains(source, "://") {
		if _, err := os.Stat(source); err == nil {
			return source + " is there"
		}
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, noticeWithin)
	defer cancel()
	said, err := ask(ctx, source)
	if err != nil || !Noticed(said) {
		return ""
	}
	return fmt.Sprintf("%s says %.100q", source, said)
}

// maxNotice bounds what is read of an answer.
const maxNotice = 64 << 10

// ask is the body of an answer with status 200, empty for any other. The headers
// are those that the metadata services of Google and Azure want; that of Amazon
// wants a token, which is asked for first where there is one to be had.
func ask(ctx context.Context, source string) (string, error) {
	header := http.Header{"Metadata-Flavor": {"Google"}, "Metadata": {"true"}}
	if u, err := url.Parse(source); err == nil && strings.HasPrefix(u.Path, "/latest/meta-data/") {
		token, err := fetch(ctx, http.MethodPut, u.Scheme+"://"+u.Host+"/latest/api/token", http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"60"}})
		if err == nil && token != "" {
			header.Set("X-Aws-Ec2-Metadata-Token", token)
		}
	}
	return fetch(ctx, http.MethodGet, source, header)
}

func fetch(ctx context.Context, method, source string, header http.Header) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, source, nil)
	if err != nil {
		return "", err
	}
	request.Header = header
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxNotice))
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", err
	}
	return strings.TrimSpace(string(body)), nil
}

// Noticed says whether the body of an answer with status 200 announces that the
// machine goes: anything but nothing, a word that denies it (Google's FALSE and
// NONE), and a list of events without one that takes the machine (Azure's
// Preempt and Terminate).
func Noticed(body string) bool {
	switch strings.ToUpper(strings.TrimSpace(body)) {
	case "", "FALSE", "NONE", "0", "NO":
		return false
	}
	var scheduled struct {
		Events *[]struct {
			EventType string `json:"EventType"`
		} `json:"Events"`
	}
	if json.Unmarshal([]byte(body), &scheduled) != nil || scheduled.Events == nil {
		return true
	}
	for _, e := range *scheduled.Events {
		if e.EventType == "Preempt" || e.EventType == "Terminate" {
			return true
		}
	}
	return false
}
