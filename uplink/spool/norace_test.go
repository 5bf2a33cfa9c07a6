//go:build !race

package spool

const raced = 1
