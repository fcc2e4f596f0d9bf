package s3store

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// mostSkew is how far the clocks of a client and of S3 may be apart: requests are
// signed with the time.
const mostSkew = 15 * time.Minute

// ClockError says that the store refuses requests for the time that they bear.
// No credentials mend that, and it may pass by itself.
type ClockError struct {
	endpoint string
	ahead    time.Duration // of this machine's clock; 0 if the store did not say
}

func (e *ClockError) Error() string {
	how := "are more than 15 minutes apart"
	if e.ahead > 0 {
		how = fmt.Sprintf("are apart, this one is %s ahead", e.ahead)
	} else if e.ahead < 0 {
		how = fmt.Sprintf("are apart, this one is %s behind", -e.ahead)
	}
	return fmt.Sprintf("the clocks of this machine and of %s %s, so that it refuses what is asked of it; set them right", e.endpoint, how)
}

// clocked tells refusals for the time from those for credentials, by the time that
// a request is signed with and that of the answer: to a HEAD request S3 gives no
// reason.
type clocked struct {
	endpoint string
	next     http.RoundTripper
}

func (c clocked) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusForbidden {
		return answer, err
	}
	ours, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return answer, nil
	}
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return answer, nil
	}
	ahead := ours.Sub(theirs)
	if ahead.Abs() <= mostSkew-time.Minute { // a minute, since the answer is timed later
		return answer, nil
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // for the connection to be used again
	_ = answer.Body.Close()
	return nil, &ClockError{endpoint: c.endpoint, ahead: ahead.Round(time.Minute)}
}
