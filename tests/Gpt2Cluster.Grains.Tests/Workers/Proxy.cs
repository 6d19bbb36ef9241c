using System.Reflection;

namespace Gpt2Cluster.Grains.Tests.Workers;

/// <summary>Answers the calls of an interface of which a test needs a few methods only.</summary>
public class Proxy : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> answer = null!;

    /// <summary>An object of the interface whose calls <paramref name="answer"/> gets.</summary>
    public static T Of<T>(Func<MethodInfo, object?[], object?> answer)
        where T : class
    {
        var made = Create<T, Proxy>();
        ((Proxy)(object)made).answer = answer;
        return made;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => answer(targetMethod!, args ?? []);
}
