package alertmanager

import "go.yaml.in/yaml/v3"

// route is what of a route of Alertmanager's configuration tells of hours.
type route struct {
	Muted  yaml.Node `yaml:"mute_time_intervals"`
	Active yaml.Node `yaml:"active_time_intervals"`
	Routes []route   `yaml:"routes"`
}

// mutes reports whether some route of Alertmanager's configuration is muted at some
// hours. Of a configuration that cannot be read it may be.
func mutes(configuration string) bool {
	var c struct {
		Route route `yaml:"route"`
	}
	return yaml.Unmarshal([]byte(configuration), &c) != nil || c.Route.mutes()
}

func (r route) mutes() bool {
	if named(r.Muted) || named(r.Active) {
		return true
	}
	for _, sub := range r.Routes {
		if sub.mutes() {
			return true
		}
	}
	return false
}

// named tells a list that names something from one that is empty or not there.
func named(list yaml.Node) bool {
	for list.Kind == yaml.AliasNode {
		list = *list.Alias
	}
	return len(list.Content) > 0
}
