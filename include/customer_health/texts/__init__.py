"""What customers write: how it sounds, what it is about, and what they ask for; and the words of the Why."""
