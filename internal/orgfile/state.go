package orgfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is an object that an apply has created.
type Entry struct {
	Ref
	ID string `json:"id"`
}

// Owned is what one owner has created in one organization.
type Owned []Entry

func (o Owned) has(kind Kind, id string) bool {
	return slices.ContainsFunc(o, func(e Entry) bool { return e.Kind == kind && e.ID == id })
}

// State is the file that keeps what is owned, by organization and owner. It holds
// names and ids, and nothing secret.
type State struct {
	path string

	Version       int                         `json:"version"`
	Organizations map[string]map[string]Owned `json:"organizations"`
}

// StatePath is where the state of an organization file is kept unless told
// otherwise: org.state.json beside org.yaml.
func StatePath(file string) string {
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".state.json"
}

// OpenState reads a state, which is empty when there is no such file.
func OpenState(path string) (*State, error) {
	s := &State{path: path, Version: Version, Organizations: map[string]map[string]Owned{}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is owned: %w", err)
	}
	if err := json.Unmarshal(raw, s); err != nil || s.Version != Version || s.Organizations == nil {
		return nil, fmt.Errorf("%s does not say what is owned, in a way that this weir knows; without the file nothing is owned", path)
	}
	return s, nil
}

// Owned is what an owner has in an organization; "" owns nothing.
func (s *State) Owned(organizationID, owner string) Owned {
	if owner == "" {
		return nil
	}
	return s.Organizations[organizationID][owner]
}

// Set keeps what an owner has from now on, on disk when it returns.
func (s *State) Set(organizationID, owner string, owned Owned) error {
	if owner == "" {
		return nil
	}
	if s.Organizations[organizationID] == nil {
		s.Organizations[organizationID] = map[string]Owned{}
	}
	s.Organizations[organizationID][owner] = owned
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(s.path, append(raw, '\n')); err != nil {
		return fmt.Errorf("keeping what is owned: %w", err)
	}
	return nil
}

// replace writes a file such that it is the old or the new one at any time.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
