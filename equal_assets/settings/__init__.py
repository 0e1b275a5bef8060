"""``campaigns.yaml``: read, validated, fingerprinted; the only place where a default lives.

A module a section; ``project`` joins them, ``reading`` reads the file, ``places`` finds it. Other
packages import from here.
"""

from equal_assets.settings.automation import Automation
from equal_assets.settings.campaigns import (
    MAX_ROUNDS,
    Campaign,
    Equal,
    Influence,
    Strategy,
    StudentScore,
    Target,
)
from equal_assets.settings.corpus import (
    Corpus,
    FieldMapping,
    Files,
    HubDataset,
    InstalledPackages,
    StackExchange,
    TextPolicy,
)
from equal_assets.settings.dataset import Dataset
from equal_assets.settings.embedding import Embedder, WarmUp
from equal_assets.settings.evaluation import PAPER_TASKS, Evaluation, Harness
from equal_assets.settings.export import Export, ExportFormat
from equal_assets.settings.extraction import (
    Extractor,
    LLMExtraction,
    OpenAIServer,
    Prompts,
    Quality,
    Replay,
    Structural,
    VLLMEngine,
)
from equal_assets.settings.places import (
    allow_code_metric,
    campaigns_file,
    project_folder,
    quiet_libraries,
    state_folder,
)
from equal_assets.settings.project import Settings, fingerprint, parse_share
from equal_assets.settings.reading import load_settings
from equal_assets.settings.section import expand_path
from equal_assets.settings.students import HuggingFaceStudent, Student, TinyStudent
from equal_assets.settings.tracking import Tracking

__all__ = [
    "MAX_ROUNDS",
    "PAPER_TASKS",
    "Automation",
    "Campaign",
    "Corpus",
    "Dataset",
    "Embedder",
    "Equal",
    "Evaluation",
    "Export",
    "ExportFormat",
    "Extractor",
    "FieldMapping",
    "Files",
    "Harness",
    "HubDataset",
    "HuggingFaceStudent",
    "Influence",
    "InstalledPackages",
    "LLMExtraction",
    "OpenAIServer",
    "Prompts",
    "Quality",
    "Replay",
    "Settings",
    "StackExchange",
    "Strategy",
    "Structural",
    "Student",
    "StudentScore",
    "Target",
    "TextPolicy",
    "TinyStudent",
    "Tracking",
    "VLLMEngine",
    "WarmUp",
    "allow_code_metric",
    "campaigns_file",
    "expand_path",
    "fingerprint",
    "load_settings",
    "parse_share",
    "project_folder",
    "quiet_libraries",
    "state_folder",
]
