using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// A run that goes on from an older checkpoint comes by the same step again. The checkpoint that lies there is moved to
/// <c>STEP.replaced</c> until the new one lies in its place; it is put back where that did not come about.
/// </summary>
/// <param name="disk">Where they lie.</param>
internal sealed class ReplacedCheckpoint(IDataDisk disk)
{
    private const string Suffix = ".replaced";

    /// <summary>A silo that shares the folder puts the old one back at most once, when it starts or searches.</summary>
    private const int MaximumTries = 3;

    /// <summary>Publishes a checkpoint in the place of another one, if there is one.</summary>
    /// <param name="staged">The new one.</param>
    /// <param name="target">Its place.</param>
    /// <param name="step">Its step.</param>
    /// <exception cref="IOException">It cannot be published; the old one is in its place.</exception>
    public void Replace(IStagedFolder staged, string target, long step)
    {
        try
        {
            Publish(staged, target, step);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            PutBack(target);
            throw;
        }

        try
        {
            disk.Remove(target + Suffix);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The new one is there: the old one takes room, and the next start removes it.
        }
    }

    /// <summary>
    /// Puts a checkpoint back that was moved out of the way for one that never came, as the process was killed.
    /// </summary>
    /// <param name="target">The checkpoint's place.</param>
    /// <returns>Whether there is a checkpoint now.</returns>
    public bool PutBack(string target)
    {
        try
        {
            if (!disk.Exists(target) && disk.Exists(target + Suffix))
                disk.Move(target + Suffix, target);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The new one has come meanwhile, or another silo that shares the folder was faster.
        }

        return disk.Exists(target);
    }

    /// <summary>
    /// Puts all of a run's checkpoints back whose successors never came. Removes none: one may be moved out of the way
    /// for another at this moment, whose name is not safe on the disk yet.
    /// </summary>
    /// <param name="checkpoints">The folder of the run's checkpoints.</param>
    public void PutAllBack(string checkpoints)
    {
        foreach (var aside in All(checkpoints))
            PutBack(aside[..^Suffix.Length]);
    }

    /// <summary>
    /// Puts all of a run's checkpoints back whose successors never came, and removes those whose successors did: when a
    /// silo starts, and nothing is written.
    /// </summary>
    /// <param name="checkpoints">The folder of the run's checkpoints.</param>
    public void Sweep(string checkpoints)
    {
        foreach (var aside in All(checkpoints))
        {
            try
            {
                if (PutBack(aside[..^Suffix.Length]))
                    disk.Remove(aside);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // It takes room and does no harm; the next start tries again.
            }
        }
    }

    private void Publish(IStagedFolder staged, string target, long step)
    {
        for (var attempt = 1; ; attempt++)
        {
            disk.Remove(target + Suffix);
            if (disk.Exists(target))
                disk.Move(target, target + Suffix);
            FaultPoints.Reach(FaultPoint.Rename, step);
            try
            {
                staged.Publish();
                return;
            }
            catch (UserErrorException) when (attempt < MaximumTries && disk.Exists(target))
            {
                // Put back by a silo that shares the folder.
            }
        }
    }

    private List<string> All(string checkpoints) =>
    [
        .. disk.FoldersIn(checkpoints).Where(name => name.EndsWith(Suffix, StringComparison.Ordinal))
            .Select(name => Path.Combine(checkpoints, name)),
    ];
}
