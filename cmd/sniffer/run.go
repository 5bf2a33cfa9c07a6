package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"network-sniffer/board"
	"network-sniffer/board/appliance"
	"network-sniffer/board/config"
)

func runCommand(args []string, out, errs io.Writer) error {
	flags, c, err := parse("run", args, out, errs, nil, slices.Concat([]config.Option{
		config.Interface, config.Filter, config.DatabaseURL, config.SpoolDir, config.SpoolSize,
		config.DeviceName, config.DeviceID, config.Promiscuous, config.LogLevel}, config.Capture, config.Uplink, config.Console)...)
	if err != nil {
		return err
	}
	if err := arguments(flags, 0, 0); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: c.LogLevel}))
	a, err := appliance.New(c, board.At("/"), version, log)
	if err != nil {
		return err
	}
	// A log reader that goes away must not end the recording.
	signal.Ignore(syscall.SIGPIPE)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	go func() {
		<-ctx.Done()
		// From now on a second signal ends the process at once.
		stop()
	}()
	go func() {
		<-a.Ready()
		log.Info("ready", "console", strings.Join(a.ConsoleAddrs(), ","))
	}()
	report, err := a.Run(ctx)
	fmt.Fprintf(out, "%s", report.Append(nil))
	return err
}
