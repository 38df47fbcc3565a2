"""Real Gitea servers, a runner that speaks their protocol, and the tests that run jobs on them."""
