package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tidwall/gjson"
)

// weir is `weir serve` as it comes, on an empty data directory, with one
// connection to the mock and one project key: authentication, permission, the
// usage log, metrics and the access record are all on.
type weir struct {
	exe string
	dir string
	env []string
}

// Name implements Target.
func (weir) Name() string { return Weir }

// Present implements Target.
func (weir) Present() error { return nil }

// weirAdminKey opens an install that lives for one measurement, on loopback.
const weirAdminKey = "sk-admin-benchmark-only-0123456789abcdef0123456789"

// Start implements Target.
func (w weir) Start(ctx context.Context, upstream string) (_ *Instance, err error) {
	dir, err := os.MkdirTemp(w.dir, "weir-bench-data-")
	if err != nil {
		return nil, fmt.Errorf("making a data directory: %w", err)
	}
	stop := func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, w.exe, "serve")
	cmd.Dir = dir // a weir.yaml of the caller's is not ours to read
	cmd.Env = append([]string{
		"WEIR_LISTEN=" + listen,
		"WEIR_DATA_DIR=" + filepath.Join(dir, "data"),
		"WEIR_BOOTSTRAP_ADMIN_KEY=" + weirAdminKey,
	}, w.env...)
	c, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	// The data is thrown away: what has not ended within the grace is killed.
	stop = func() error { return errors.Join(c.stop(2*time.Second), os.RemoveAll(dir)) }
	url := "http://" + listen
	if err := c.answers(ctx, url+"/readyz"); err != nil {
		return nil, err
	}
	key, err := setUp(ctx, url, upstream)
	if err != nil {
		return nil, errors.Join(err, c.died())
	}
	return &Instance{URL: url, PID: cmd.Process.Pid, Key: key, stop: stop}, nil
}

// setUp makes a connection, a project and a service account, and returns the
// account's key.
func setUp(ctx context.Context, url, upstream string) (key string, err error) {
	_, err = post(ctx, url+"/weir/v1/connections", map[string]any{
		"name": "bench", "provider": "openai_compatible", "base_url": upstream + "/v1",
		"api_key": "sk-upstream-bench-0123456789", "models": []string{benchModel},
	})
	if err != nil {
		return "", err
	}
	project, err := post(ctx, url+"/v1/organization/projects", map[string]any{"name": "bench"})
	if err != nil {
		return "", err
	}
	id := gjson.GetBytes(project, "id").String()
	account, err := post(ctx, url+"/v1/organization/projects/"+id+"/service_accounts", map[string]any{"name": "bench"})
	if err != nil {
		return "", err
	}
	key = gjson.GetBytes(account, "api_key.value").String()
	if key == "" {
		return "", errors.New("the new service account came without api_key.value")
	}
	return key, nil
}

// post calls an administrative endpoint of weir.
func post(ctx context.Context, url string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing the body of %s: %w", url, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+weirAdminKey)
	req.Header.Set("Content-Type", "application/json")
	client := newHTTPClient()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("POST %s: %s: %s", url, res.Status, answer)
	}
	return answer, nil
}

// answers waits until GET url is 200, for half a minute or the process's life.
func (c *child) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := newHTTPClient()
	defer client.CloseIdleConnections()
	for {
		err := get(ctx, client, url)
		if err == nil {
			return nil
		}
		if died := c.died(); died != nil {
			return died
		}
		if !wait(ctx, 10*time.Millisecond) {
			return fmt.Errorf("%s does not answer: %w%s", c.cmd.Path, err, c.said())
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return nil
}

// freeAddress is a loopback address with a port that was free a moment ago, for
// servers that cannot be asked which one they took.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
