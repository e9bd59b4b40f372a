"""Attacks on uploads and streams of the self-hosted part: mostly on real servers, over plain sockets."""
