package notify

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// kinds has one method for each kind of channel that vigie.yml may name, in the
// file of that channel: to add a channel is to add a file. The method takes
// nothing and returns a pointer to the settings, which make the channel.
type kinds struct{}

// settings are what one kind of channel is configured with.
type settings interface {
	// channel makes the channel. It resolves the paths of files and opens none.
	channel(name string, path func(string) string) (Channel, error)
}

// known are the settings of each kind, by the kind's name in vigie.yml.
func (k kinds) known() map[string]func() settings {
	out := map[string]func() settings{}
	v := reflect.ValueOf(k)
	for i := range v.NumMethod() {
		if make, ok := v.Method(i).Interface().(func() settings); ok {
			out[strings.ToLower(v.Type().Method(i).Name)] = make
		}
	}
	return out
}

// ChannelConfig is one entry of `channels` in vigie.yml: the kind of the channel,
// and below it the settings of that kind.
type ChannelConfig struct {
	strict.Position
	// Kind is what kind of channel it is; empty when that could not be read.
	Kind     string
	settings settings
}

// Shape is what may stand below a channel's name: each kind with its settings.
func (ChannelConfig) Shape() any {
	out := map[string]any{}
	for name, make := range (kinds{}).known() {
		out[name] = make()
	}
	return out
}

// UnmarshalStrict reads the settings of the kind that is named.
func (c *ChannelConfig) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	c.Position = d.Position(n)
	known := kinds{}.known()
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || known[n.Content[0].Value] == nil {
		return fmt.Errorf("write what kind of channel it is, one of %s, and its settings below", strings.Join(names, ", "))
	}
	c.Kind = n.Content[0].Value
	c.settings = known[c.Kind]()
	d.Into(n.Content[1], c.settings, d.Path()+"."+c.Kind)
	return nil
}

// Channel makes the channel under the name that policy and inventory call it by.
func (c ChannelConfig) Channel(name string, path func(string) string) (Channel, error) {
	if c.settings == nil {
		return nil, fmt.Errorf("channel %s: no kind is given", name)
	}
	ch, err := c.settings.channel(name, path)
	if err == nil {
		return ch, nil
	}
	var errs []error
	for _, e := range strict.Each(err) {
		errs = append(errs, fmt.Errorf("channel %w", e))
	}
	return nil, errors.Join(errs...)
}
