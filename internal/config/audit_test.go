package config

import (
	"strings"
	"testing"
)

func TestAuditPushIsValidated(t *testing.T) {
	const secret = "WEIR_AUDIT_WEBHOOK_SECRET=0123456789abcdef"
	for env, wants := range map[string]string{
		"WEIR_AUDIT_WEBHOOK_URL=https://siem.example.com/in?token=x," + secret:                                   "",
		"WEIR_AUDIT_WEBHOOK_URL=https://siem.example.com/in":                                                     "needs WEIR_AUDIT_WEBHOOK_SECRET",
		"WEIR_AUDIT_WEBHOOK_URL=https://siem.example.com/in,WEIR_AUDIT_WEBHOOK_SECRET=short":                     "shorter than 16 bytes",
		"WEIR_AUDIT_WEBHOOK_URL=https://siem.example.com/in,WEIR_AUDIT_WEBHOOK_SECRET=whsec_c2hvcnQ=":            "shorter than 16 bytes",
		"WEIR_AUDIT_WEBHOOK_URL=https://siem.example.com/in,WEIR_AUDIT_WEBHOOK_SECRET=whsec_!!!!!!!!!!!!!!!!!!!": "base64",
		"WEIR_AUDIT_WEBHOOK_URL=http://127.0.0.1:9/," + secret:                                                   "must be https://",
		"WEIR_AUDIT_WEBHOOK_URL=http://127.0.0.1:9/,WEIR_WEBHOOK_ALLOW_PRIVATE=true," + secret:                   "",
		"WEIR_AUDIT_WEBHOOK_URL=https://hunter2@siem.example.com/," + secret:                                     "name or password",
		"WEIR_AUDIT_WEBHOOK_URL=ftp://siem.example.com/," + secret:                                               "not a URL",
		"WEIR_AUDIT_WEBHOOK_URL=https://," + secret:                                                              "not a URL",
		"WEIR_AUDIT_SYSLOG_URL=udp://log.example.com":                                                            "",
		"WEIR_AUDIT_SYSLOG_URL=tcp://10.0.0.1:514":                                                               "",
		"WEIR_AUDIT_SYSLOG_URL=tls://log.example.com:6514,WEIR_AUDIT_SYSLOG_CA_FILE=/etc/ca.pem":                 "",
		"WEIR_AUDIT_SYSLOG_URL=tcp://log.example.com,WEIR_AUDIT_SYSLOG_CA_FILE=/etc/ca.pem":                      "is not tls://",
		"WEIR_AUDIT_SYSLOG_URL=unix:///dev/log":                                                                  "",
		"WEIR_AUDIT_SYSLOG_URL=unix://dev/log":                                                                   "is none of",
		"WEIR_AUDIT_SYSLOG_URL=log.example.com:514":                                                              "is none of",
		"WEIR_AUDIT_SYSLOG_URL=tcp://log.example.com/path":                                                       "is none of",
		"WEIR_AUDIT_RETENTION_DAYS=-1":                                                                           "less than 0",
	} {
		_, err := Load(LoadOptions{Env: strings.Split(env, ",")})
		switch {
		case wants == "" && err != nil:
			t.Errorf("%s: %v", env, err)
		case wants != "" && (err == nil || !strings.Contains(err.Error(), wants)):
			t.Errorf("%s: %v, want %q", env, err, wants)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error shows a secret: %v", env, err)
		}
	}
}
