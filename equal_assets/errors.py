"""The project's own exceptions; each message tells the user what to do."""

from equal_assets.secrets import hide


class EqualError(Exception):
    """Base of the project's own errors: the command line prints these without a traceback.

    What a message repeats of others, such as an address or a server's words, may hold a secret.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(hide(message))


class SettingsError(EqualError):
    """``campaigns.yaml`` cannot be used; the message lists every mistake found."""


class CorpusError(EqualError):
    """The corpus or a target cannot be read, or holds nothing usable."""


class MissingExtraError(CorpusError):
    """A package that reads the corpus is not installed; the message names the extra."""


class WarehouseLockedError(EqualError):
    """Another process held the warehouse for longer than the wait allows."""


class WarehouseVersionError(EqualError):
    """The warehouse was made by a version of the project with different tables."""


class FolderInUseError(EqualError):
    """Another command works on the same state folder; the message names it."""


class ModelError(EqualError):
    """A model is missing, altered or unfit for the settings."""


class EvaluationError(EqualError):
    """A student cannot be evaluated with these settings."""


class CampaignError(EqualError):
    """A round cannot be played: an earlier one is missing, or the settings have changed."""


class ExportError(EqualError):
    """A data set cannot be exported with these options."""


class SandboxError(EqualError):
    """Generated code cannot be run safely on this machine."""


class ExtractionError(EqualError):
    """Extraction cannot continue: no server answers, the key is refused, or a run cap is spent."""


class TraceError(EqualError):
    """A QA pair cannot be traced: its id matches none, or more than one."""


class ReviewError(EqualError):
    """Verdicts of reviewers cannot be stored, read or taken from a file."""


class ServiceError(EqualError):
    """A server that the command line starts does not answer, or has ended."""


class TrackingError(EqualError):
    """MLflow refuses what is to be recorded: something was deleted, or it cannot be reached."""


class StorageError(EqualError):
    """A disk is full, a folder cannot be written, or a database file is broken."""
