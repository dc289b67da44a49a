"""Evidence: pictures that show people, on demand, what detectors saw in a medium and where.

They illustrate an analysis and change nothing in it. Their scale is each detector's own, never the verdict.
"""
