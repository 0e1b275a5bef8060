"""``campaigns.yaml``: read, validated, fingerprinted; the only place where a default lives.

A module per section; ``project`` joins them, ``reading`` reads the file, ``places`` finds it. Other
packages import from here.
"""

from equal_assets.settings.automation import AutomationSettings
from equal_assets.settings.campaigns import (
    MAX_ROUNDS,
    CampaignSettings,
    EqualSettings,
    InfluenceSettings,
    TargetSettings,
)
from equal_assets.settings.corpus import (
    CorpusSettings,
    FieldMappingSettings,
    FilesSettings,
    HubDatasetSettings,
    InstalledPackagesSettings,
    StackExchangeSettings,
    TextPolicySettings,
)
from equal_assets.settings.dataset import ENGLISH_MODEL, MULTILINGUAL_MODEL, DatasetSettings
from equal_assets.settings.embedding import ClusteringSettings, EmbedderSettings, WarmUpSettings
from equal_assets.settings.engine import EngineSettings
from equal_assets.settings.evaluation import PAPER_TASKS, EvaluationSettings, HarnessSettings
from equal_assets.settings.export import ExportFormat, ExportKey, ExportSettings
from equal_assets.settings.extraction import (
    HUB_ID,
    ExtractorSettings,
    LlamaCppSettings,
    LLMExtractionSettings,
    OpenAISettings,
    PromptsSettings,
    QualitySettings,
    ReplaySettings,
    StructuralSettings,
    VLLMSettings,
    filled_address,
)
from equal_assets.settings.paths import Roots, beginning_of, expand_path, leads_out, root_of, walk
from equal_assets.settings.places import (
    allow_code_metric,
    campaigns_file,
    lock_seconds,
    portable,
    project_folder,
    quiet_libraries,
    state_folder,
)
from equal_assets.settings.project import Settings, fingerprint, parse_share
from equal_assets.settings.reading import load_settings
from equal_assets.settings.students import (
    CHAT_TEMPLATES,
    HuggingFaceStudentSettings,
    NoStudentSettings,
    StudentSettings,
    TinyStudentSettings,
)
from equal_assets.settings.telemetry import telemetry_exporters
from equal_assets.settings.tracking import TrackingSettings
from equal_assets.settings.variants import extractor_variants

__all__ = [
    "CHAT_TEMPLATES",
    "ENGLISH_MODEL",
    "HUB_ID",
    "MAX_ROUNDS",
    "MULTILINGUAL_MODEL",
    "PAPER_TASKS",
    "AutomationSettings",
    "CampaignSettings",
    "ClusteringSettings",
    "CorpusSettings",
    "DatasetSettings",
    "EmbedderSettings",
    "EngineSettings",
    "EqualSettings",
    "EvaluationSettings",
    "ExportFormat",
    "ExportKey",
    "ExportSettings",
    "ExtractorSettings",
    "FieldMappingSettings",
    "FilesSettings",
    "HarnessSettings",
    "HubDatasetSettings",
    "HuggingFaceStudentSettings",
    "InfluenceSettings",
    "InstalledPackagesSettings",
    "LLMExtractionSettings",
    "LlamaCppSettings",
    "NoStudentSettings",
    "OpenAISettings",
    "PromptsSettings",
    "QualitySettings",
    "ReplaySettings",
    "Roots",
    "Settings",
    "StackExchangeSettings",
    "StructuralSettings",
    "StudentSettings",
    "TargetSettings",
    "TextPolicySettings",
    "TinyStudentSettings",
    "TrackingSettings",
    "VLLMSettings",
    "WarmUpSettings",
    "allow_code_metric",
    "beginning_of",
    "campaigns_file",
    "expand_path",
    "extractor_variants",
    "filled_address",
    "fingerprint",
    "leads_out",
    "load_settings",
    "lock_seconds",
    "parse_share",
    "portable",
    "project_folder",
    "quiet_libraries",
    "root_of",
    "state_folder",
    "telemetry_exporters",
    "walk",
]
