package console

// askPassword asks, without echo where that is ours.
func (s *session) askPassword() {
	s.mu.Lock()
	s.editor.SetSecret(true)
	s.editor.SetPrompt("Password: ")
	editing := s.terminal.editing
	s.mu.Unlock()
	if editing {
		s.prompt()
		return
	}
	s.say([]byte("Password: "))
}

// login judges a line as the password. A program sends it as its first line, and is told of a failure alone.
func (s *session) login(attempt []byte) {
	r := &s.reader
	if !s.mayAnswer(&r.rate) {
		return
	}
	s.mu.Lock()
	t := s.terminal
	s.mu.Unlock()
	if len(attempt) == 0 { // Enter alone, as people press it to see whether anybody is there
		if t.greeted && !t.editing {
			s.say([]byte("Password: "))
		}
		return
	}
	r.attempts++
	refusal := s.server.cfg.Password(s.remote.Addr(), attempt)
	switch {
	case refusal == "":
		r.patience.Stop()
		r.stage = stageCommand
		s.mu.Lock()
		s.editor.SetSecret(false)
		s.editor.SetPrompt(prompt)
		s.mu.Unlock()
		if t.person {
			s.greet()
		}
	case !t.person || r.attempts >= MaxAttempts:
		s.server.count.closedPassword.Add(1)
		s.server.event("closed " + s.remote.String() + ": it does not know the password")
		s.finish(refusal + " Goodbye.\r\n")
	default:
		s.server.event(s.remote.String() + " does not know the password")
		s.say([]byte(refusal + "\r\n"))
		if !t.editing {
			s.say([]byte("Password: "))
		}
	}
}

// endLogin ends the session of a client that does not say the password: it takes a place that others need.
func (s *session) endLogin() {
	if !s.isOver() {
		s.server.count.closedPassword.Add(1)
		s.finish("No password within " + LoginTimeout.String() + ". Goodbye.\r\n")
	}
}

func (s *session) isPerson() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminal.person
}
