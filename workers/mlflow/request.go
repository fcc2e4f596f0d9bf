package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	tries      = 5
	firstPause = 500 * time.Millisecond
	longest    = 30 * time.Second // of a pause, also where the server asks for more
	mostAnswer = 16 << 20
)

// The codes of errors that have a meaning here.
const (
	codeMissing = "RESOURCE_DOES_NOT_EXIST"
	codeThere   = "RESOURCE_ALREADY_EXISTS"
)

// Error is an answer of the server that is no success.
type Error struct {
	Call    string // as POST runs/create
	Status  int    // of HTTP
	Code    string // of MLflow; empty where it was not MLflow that answered
	Message string
	after   time.Duration // to wait for, if the server said so
}

// Error says what was asked, what was answered, and what may help.
func (e *Error) Error() string {
	text := fmt.Sprintf("MLflow: %s: %d %s", e.Call, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	switch {
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		text += "; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
	case e.Code == "" && e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests:
		text += "; is this the address of a tracking server?"
	}
	return text
}

// passing says that the same request may succeed later.
func (e *Error) passing() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// call asks, again where that may help. in is the body, out the answer's; each
// may be nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	for try := 1; ; try++ {
		err := c.once(ctx, method, path, in, out)
		if err == nil {
			return nil
		}
		if err := c.rest(ctx, err, try); err != nil {
			return err
		}
	}
}

// rest pauses after an error that may pass, and returns any other, or that of
// the last try.
func (c *Client) rest(ctx context.Context, err error, try int) error {
	var answer *Error
	var unreadable *json.SyntaxError
	known := errors.As(err, &answer)
	if known && !answer.passing() || errors.As(err, &unreadable) || ctx.Err() != nil || try == tries {
		return err
	}
	pause := c.Pause
	if pause == 0 {
		pause = firstPause
	}
	pause <<= try - 1
	if known {
		pause = max(pause, answer.after)
	}
	timer := time.NewTimer(min(pause, longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) once(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	name, _, _ := strings.Cut(path, "?")
	call := method + " " + name
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+"/api/2.0/mlflow/"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// A name and a password come before a token, as in MLflow's own client.
	if c.Auth.User != "" {
		req.SetBasicAuth(c.Auth.User, c.Auth.Password.Reveal())
	} else if token := c.Auth.Token.Reveal(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := requests.Do(req)
	if err != nil {
		return fmt.Errorf("MLflow: %s: %w", call, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("MLflow: %s: %w", call, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(call, resp, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("MLflow: %s: the answer is not that of a tracking server: %w", call, err)
	}
	return nil
}

// refused reads an answer that is no success.
func refused(call string, resp *http.Response, data []byte) error {
	e := &Error{Call: call, Status: resp.StatusCode}
	var answer struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &answer) == nil {
		e.Code, e.Message = answer.Code, cut(answer.Message, 500)
	}
	if to := resp.Header.Get("Location"); to != "" && e.Message == "" {
		e.Message = "it leads to " + to
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.after = time.Duration(min(max(seconds, 0), int(longest/time.Second))) * time.Second
	}
	return e
}

// number is one of JSON, or a string with one in it: as some servers write
// whole numbers of 64 bits, and all of them NaN.
type number float64

func (n *number) UnmarshalJSON(data []byte) error {
	x, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if err != nil {
		return fmt.Errorf("%s is no number", data)
	}
	*n = number(x)
	return nil
}
