"""The student that the settings name."""

from equal_assets.resources.students.huggingface import HuggingFaceStudent
from equal_assets.resources.students.none import NoStudent
from equal_assets.resources.students.student import Student
from equal_assets.resources.students.tiny import TinyStudent
from equal_assets.settings import NoStudentSettings, StudentSettings, TinyStudentSettings


def build_student(settings: StudentSettings, models_folder: str) -> Student:
    """Return the student that the settings name.

    Parameters
    ----------
    settings : equal_assets.settings.StudentSettings
        The ``student`` section of campaigns.yaml.
    models_folder : str
        Folder for models that this project makes.
    """
    if isinstance(settings, NoStudentSettings):
        return NoStudent(seed=0, context_tokens=0)
    keys = settings.model_dump(exclude={"kind"})
    if isinstance(settings, TinyStudentSettings):
        return TinyStudent(models_folder=models_folder, **keys)
    return HuggingFaceStudent(**keys)
