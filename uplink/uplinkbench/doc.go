// Package uplinkbench measures what taking a row to PostgreSQL costs, beside other ways to do so: lib/pq's raw COPY with
// text that is formatted from the packet, COPY and INSERT with one Exec a row, pgx's CopyFrom, and psql's \copy of a file
// that is there already. It is a module of its own so that pgx is no part of the product; make bench-uplink runs it.
//
//	  one client, a process of its own                 a private server, data in memory
//	┌──────────────────────────────────┐            ┌──────────────────────────────────┐
//	│ packets ──▶ encoding ──▶ driver  │ 127.0.0.1  │ backend, WAL writer, checkpointer│
//	└──────────────────────────────────┘ ───TCP───▶ └──────────────────────────────────┘
//
// Every client gets the same packets, as values of decode.Packet, and stores them in the same table, which is emptied
// before. A figure counts only when the table then holds the same rows as after every other client. CPU is user and
// system time of the whole process: conversion, driver, garbage collector and the kernel's part of its calls. The
// server's CPU is that of all its processes.
package uplinkbench
