"""Everything the advisor can say is wrong, beside what the pipeline says.

AdvisorError             a person can fix it: says the problem, and the fix
├── AnswersError         an answer that is missing or makes no sense
├── RunFolderError       a run folder that cannot be used as asked
├── RuleError            a rule file with a mistake in it
└── Busy                 a service that has more to do than it may have
"""

from pipeline.errors import PipelineError


class AdvisorError(PipelineError):
    """A fault on the advisor's side that a person can mend; carries `problem` and `fix`."""


class AnswersError(AdvisorError):
    """An answers file or an answer that cannot be used."""


class RunFolderError(AdvisorError):
    """A run folder that is missing, in use, or of another version."""


class RuleError(AdvisorError):
    """A rule file with an unknown key, a wrong value or a missing source."""


class Busy(AdvisorError):
    """More requests wait than is allowed."""
