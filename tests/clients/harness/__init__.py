"""What the tests of the real clients share: the server, the signer, the clients, the judge."""
