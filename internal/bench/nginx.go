package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// nginx is the distribution's nginx as a plain proxy, in one process: it relays
// at once, keeps its connections and writes no access log.
type nginx struct{ dir string }

// Name implements Target.
func (nginx) Name() string { return "nginx" }

// Present implements Target.
func (nginx) Present() error {
	_, err := nginxPath()
	return err
}

// nginxPath also looks where Debian puts it, which is not on everybody's PATH.
func nginxPath() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("nginx is not installed (Debian: apt-get install nginx-light)")
}

const nginxConfig = `
daemon off;
master_process off;
pid {{.Dir}}/nginx.pid;
error_log stderr crit;
events { worker_connections 16384; multi_accept on; }
http {
  access_log off;
  server_tokens off;
  tcp_nodelay on;
  keepalive_requests 1000000;
  client_max_body_size 64m;
  client_body_buffer_size 256k;
  client_body_temp_path {{.Dir}}/body;
  proxy_temp_path {{.Dir}}/proxy;
  fastcgi_temp_path {{.Dir}}/fastcgi;
  uwsgi_temp_path {{.Dir}}/uwsgi;
  scgi_temp_path {{.Dir}}/scgi;
  upstream mock { server {{.Upstream}}; keepalive 8192; keepalive_requests 1000000; }
  server {
    listen {{.Listen}} backlog=8192;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`

// Start implements Target.
func (n nginx) Start(ctx context.Context, upstream string) (_ *Instance, err error) {
	path, err := nginxPath()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(n.dir, "weir-bench-nginx-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for nginx: %w", err)
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
	config := filepath.Join(dir, "nginx.conf")
	if err := writeNginxConfig(config, dir, listen, strings.TrimPrefix(upstream, "http://")); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-p", dir, "-e", "stderr", "-c", config)
	cmd.Env = []string{}
	if err := unprivileged(cmd, dir); err != nil {
		return nil, err
	}
	c, err := spawn(cmd)
	if err != nil {
		return nil, err
	}
	stop = func() error { return errors.Join(c.stop(time.Second), os.RemoveAll(dir)) }
	if err := c.answers(ctx, "http://"+listen+"/v1/models"); err != nil {
		return nil, err
	}
	return &Instance{URL: "http://" + listen, PID: cmd.Process.Pid, Key: "none", stop: stop}, nil
}

func writeNginxConfig(path, dir, listen, upstream string) error {
	t, err := template.New("nginx.conf").Parse(nginxConfig)
	if err != nil {
		return fmt.Errorf("reading the template of nginx.conf: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, struct{ Dir, Listen, Upstream string }{dir, listen, upstream}); err != nil {
		return fmt.Errorf("making nginx.conf: %w", err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil { // nginx reads it as another user, and it holds no secret
		return fmt.Errorf("writing nginx.conf: %w", err)
	}
	return nil
}
