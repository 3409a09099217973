"""Destinations: where effects land. Two verbs each, `find` and `deliver`; see effects/destination.py."""
