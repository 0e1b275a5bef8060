"""The exceptions that the project raises itself; all tell the user what to do."""


class EqualError(Exception):
    """Base of the project's own errors: the command line prints these without a traceback."""


class SettingsError(EqualError):
    """``campaigns.yaml`` cannot be used; the message lists every mistake found."""


class CorpusError(EqualError):
    """The corpus or a target cannot be read, or holds nothing usable."""


class MissingExtraError(CorpusError):
    """What reads a corpus is not installed; the message names the extra."""


class WarehouseLockedError(EqualError):
    """Another process held the warehouse for longer than the wait allows."""


class WarehouseVersionError(EqualError):
    """The warehouse was made by a version of the project whose tables were others."""


class ModelError(EqualError):
    """A model is missing, altered or cannot be used as asked."""


class EvaluationError(EqualError):
    """A student cannot be evaluated as asked."""


class CampaignError(EqualError):
    """A round cannot be played: an earlier one is missing, or the settings have changed."""


class ExportError(EqualError):
    """A data set cannot be exported as asked."""


class SandboxError(EqualError):
    """Generated code cannot be run here without a guarantee that it does no harm."""


class ExtractionError(EqualError):
    """Extraction cannot go on: no server answers, the key is refused, a cap of the run is spent."""


class TraceError(EqualError):
    """A QA pair cannot be traced: there is none of that id, or more than one."""


class ServiceError(EqualError):
    """A server that the command line starts does not answer, or has ended."""
