package config

import (
	"errors"
	"net"
	"net/mail"
	"strings"
)

// SMTP is the mail server that letters to people go through; off without a host.
type SMTP struct {
	Host     string `yaml:"host" shown:"none: weir writes to nobody" help:"mail server that invitations are sent through"`
	Port     int    `yaml:"port" default:"587" min:"1" help:"its port; 465 with tls: implicit"`
	From     string `yaml:"from" help:"address that letters are from, such as weir <weir@example.com>"`
	Username string `yaml:"username" help:"what to sign in to the mail server with"`
	Password Secret `yaml:"password" help:"its password"`
	TLS      string `yaml:"tls" default:"starttls" oneof:"starttls implicit none" help:"starttls is required of servers that are not on this machine; none sends in the clear"`
}

func (c Config) validateSMTP(check func(name string, err error)) {
	s := c.SMTP
	if s.Port > 65535 {
		check("smtp.port", errors.New("is not a number from 1 to 65535"))
	}
	if s.Host == "" {
		return
	}
	if strings.ContainsAny(s.Host, ":/@ \t\r\n") && net.ParseIP(s.Host) == nil {
		check("smtp.host", errors.New("is a name or an address alone, such as smtp.example.com; the port has a setting of its own"))
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		check("smtp.from", errors.New("must be an e-mail address when "+envOf("smtp.host")+" is set"))
	}
	ip := net.ParseIP(s.Host)
	near := strings.EqualFold(s.Host, "localhost") || ip != nil && ip.IsLoopback()
	switch {
	case (s.Username == "") != (s.Password == ""):
		check("smtp.username", errors.New("and "+envOf("smtp.password")+" must be set together"))
	case s.Username != "" && s.TLS == "none" && !near:
		check("smtp.tls", errors.New("must not be none with a password, which anybody on the way could read"))
	}
}
