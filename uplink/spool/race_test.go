//go:build race

package spool

// raced is how much longer everything takes, about.
const raced = 12
