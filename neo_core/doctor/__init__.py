"""The pre-flight: what a session would need, looked at and not touched, with what to do about what is missing."""

from neo_core.doctor.examination import Report, examine, refused
from neo_core.doctor.finding import Finding, Verdict

__all__ = ["Finding", "Report", "Verdict", "examine", "refused"]
