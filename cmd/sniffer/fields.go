package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"network-sniffer/decode"
)

// field is one column of the record as --json shows it.
type field struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Unit    string `json:"unit,omitempty"`
	When    string `json:"when"`
	Meaning string `json:"meaning"`
	Source  string `json:"source"`
}

// reason is one decode_error as --json shows it.
type reason struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

func fieldsCommand(args []string, out, errs io.Writer) error {
	var asJSON, reasons bool
	flags, _, err := parse("fields", args, out, errs, func(f *flag.FlagSet) {
		f.BoolVar(&asJSON, "json", false, "print a JSON array")
		f.BoolVar(&reasons, "reasons", false, "print the reasons that decode_error may have")
	})
	if err != nil {
		return err
	}
	if err := arguments(flags, 0, 0); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var list any
	if reasons {
		var rows []reason
		for r := decode.NoReason + 1; r < decode.Reasons; r++ {
			rows = append(rows, reason{r.String(), r.Meaning()})
			fmt.Fprintf(table, "%s\t%s\n", r, r.Meaning())
		}
		list = rows
	} else {
		var rows []field
		fmt.Fprintln(table, "FIELD\tTYPE\tUNIT\tPACKETS\tMEANING\tSOURCE")
		for _, c := range decode.Columns {
			rows = append(rows, field{c.Name, c.Kind.String(), c.Unit, c.When, c.Meaning, c.Source})
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.Kind, c.Unit, c.When, c.Meaning, c.Source)
		}
		list = rows
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(list)
	}
	return table.Flush()
}
