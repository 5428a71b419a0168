package alertmanager

import (
	"slices"

	"github.com/prometheus/alertmanager/api/v2/models"
)

// meet keeps what an Alertmanager says of its cluster.
func (c *Client) meet(s *models.ClusterStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self, c.peers = "", nil
	if s == nil || s.Name == "" {
		return // it runs alone
	}
	c.self = s.Name
	for _, p := range s.Peers {
		if p != nil && p.Name != nil {
			c.peers = append(c.peers, *p.Name)
		}
	}
}

// together reports whether both were members of one cluster when they answered
// last: what one of them takes, the other has as well.
func (c *Client) together(other *Client) bool {
	self, peers := c.cluster()
	theirs, known := other.cluster()
	return self != "" && theirs != "" && (slices.Contains(peers, theirs) || slices.Contains(known, self))
}

func (c *Client) cluster() (self string, peers []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self, slices.Clone(c.peers)
}

// Clusters groups Alertmanagers into those that are one to who makes a silence.
func Clusters(all []*Client) [][]*Client {
	var out [][]*Client
	for _, c := range all {
		i := slices.IndexFunc(out, func(members []*Client) bool { return slices.ContainsFunc(members, c.together) })
		if i < 0 {
			out = append(out, []*Client{c})
			continue
		}
		out[i] = append(out[i], c)
	}
	return out
}
