package main

import (
	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/exporters/acronis"
	"vigie/exporters/arcserve"
	"vigie/exporters/inbox"
	"vigie/exporters/proxmoxbackup"
	"vigie/exporters/push"
	"vigie/exporters/resticrepo"
	"vigie/exporters/synology"
	"vigie/exporters/veeam"
	"vigie/exporters/veeamem"
	"vigie/exporters/veeamevents"
	"vigie/exporters/windowsbackup"
)

// sourceTable is the list of products: a new one is a package and a line here.
func sourceTable() map[string]opener {
	return map[string]opener{
		acronis.Engine:       opens(acronis.New),
		arcserve.Engine:      opens(arcserve.New),
		inbox.Engine:         opens(inbox.New),
		proxmoxbackup.Engine: opens(proxmoxbackup.New),
		push.Engine:          opens(push.New),
		resticrepo.Key:       opens(resticrepo.New),
		synology.Engine:      opens(synology.New),
		veeamem.Key:          opens(veeamem.New),
		veeamevents.Key:      opens(veeamevents.New),
		veeam.Engine:         opens(veeam.New),
		windowsbackup.Engine: opens(windowsbackup.New),
	}
}

// opener builds a source from its settings.
type opener func(file, path, dir string, settings *yaml.Node, o exporters.SourceOptions) (exporters.Source, error)

// opens joins a package's Config and New.
func opens[C any, P interface {
	*C
	Validate(dir string) error
}, S exporters.Source](build func(P, exporters.SourceOptions) (S, error)) opener {
	return func(file, path, dir string, settings *yaml.Node, o exporters.SourceOptions) (exporters.Source, error) {
		var c C
		if err := exporters.DecodeStrict(file, path, settings, &c); err != nil {
			return nil, err
		}
		if err := P(&c).Validate(dir); err != nil {
			return nil, locate(err, file, path, settings)
		}
		s, err := build(&c, o)
		if err != nil {
			return nil, locate(err, file, path, settings)
		}
		return s, nil
	}
}
